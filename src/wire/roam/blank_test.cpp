#include "wire/roam/blank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/roam/message_suite.h"

namespace parley::wire::roam {
namespace {

Octets blanked(Octets message) {
  blank_secrets(message);
  return message;
}

const Metadata secrets{{"plain", std::string("open"), 0},
                       {"parley-token", std::string("hunter2"), 0},
                       {"text", std::string("hunter3"), Metadata::sensitive},
                       {"bytes", std::vector<std::uint8_t>{1, 2, 3}, Metadata::sensitive | Metadata::no_propagate},
                       {"number", std::uint64_t{300}, Metadata::sensitive},
                       {"small", std::uint64_t{5}, Metadata::sensitive},
                       {"largest", ~std::uint64_t{0}, Metadata::sensitive},
                       {"empty", std::string(), Metadata::sensitive},
                       {"attempt", std::uint64_t{2}, Metadata::no_propagate}};
const Metadata blank{{"plain", std::string("open"), 0},
                     {"parley-token", std::string("*******"), 0},
                     {"text", std::string("*******"), Metadata::sensitive},
                     {"bytes", std::vector<std::uint8_t>{'*', '*', '*'}, Metadata::sensitive | Metadata::no_propagate},
                     {"number", std::uint64_t{0}, Metadata::sensitive},
                     {"small", std::uint64_t{0}, Metadata::sensitive},
                     {"largest", std::uint64_t{0}, Metadata::sensitive},
                     {"empty", std::string(), Metadata::sensitive},
                     {"attempt", std::uint64_t{2}, Metadata::no_propagate}};

struct Entries {
  explicit Entries(const Metadata& metadata) {
    BlockPool pool;
    OutBuffer out(pool);
    out.commit(put_metadata(out, out.room(codec::varint_bytes_max), metadata));
    bytes = octets(out.pending());
  }
  MetadataView view() const { return {bytes[0], ByteView(bytes).subspan(1)}; }
  Octets bytes;
};

std::vector<Message> with(const MetadataView& metadata) {
  const Octets listed{3, 5};
  const ChannelList channels(2, listed);
  static const Octets payload{1, 2, 3};
  return {{0, Hello{.version = 7, .metadata = metadata}},
          {0, HelloYourself{.metadata = metadata}},
          {3, ConnectionOpen{.metadata = metadata}},
          {3, ConnectionAccept{.metadata = metadata}},
          {3, ConnectionReject{.metadata = metadata}},
          {300, ConnectionClose{.metadata = metadata}},
          {0, Call{.id = 1, .method = ~0ull, .metadata = metadata, .arguments = payload}},
          {0, Response{.id = 1, .metadata = metadata, .result = payload}},
          {0, Cancel{.id = 1, .metadata = metadata}},
          {0, Close{.id = 1, .metadata = metadata}},
          {0, Reset{.id = 1, .metadata = metadata}}};
}

TEST(BlankSecrets, no_message_keeps_the_value_of_a_sensitive_entry) {
  // rule: calls/rpc.metadata.flags.sensitive
  const Entries secret(secrets);
  const Entries open(blank);
  const auto before = with(secret.view());
  const auto after = with(open.view());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Octets bytes = encoded(before[i]);
    const Octets made = blanked(bytes);
    EXPECT_EQ(made.size(), bytes.size());
    const auto message = decode_message(made, default_limits);
    ASSERT_TRUE(message) << i << ' ' << message.error().note;
    EXPECT_TRUE(same(*message, after[i])) << i;
    EXPECT_EQ(as_text(made).find("hunter"), std::string_view::npos) << i;
  }
}

TEST(BlankSecrets, what_holds_no_secret_stays) {
  const Entries open({{"plain", std::string("open"), 0}, {"n", std::uint64_t{300}, Metadata::no_propagate}});
  for (const Message& message : with(open.view())) EXPECT_EQ(blanked(encoded(message)), encoded(message));
  const Octets item{0, 8, 1, 0, 'h', 'i'};
  for (const Octets& bytes :
       {item, Octets{0, 2, 2, 'n', 'o'}, Octets{0, 8, 1, 3, 16}, Octets{0, 9, 5}, Octets{0, 10, 5}}) {
    EXPECT_EQ(blanked(bytes), bytes);
  }
}

TEST(BlankSecrets, what_cannot_be_read_up_to_its_metadata_is_blanked_from_there) {
  const Octets stars(7, '*');
  const Octets text{'h', 'u', 'n', 't', 'e', 'r', '2'};
  for (const Octets& head : {Octets{0, 11},          // an unknown kind
                             Octets{0, 7, 1, 3},     // of a request
                             Octets{0, 8, 1, 4},     // of a channel message
                             Octets{0, 0, 8},        // a hello of another version
                             Octets{0, 6, 0x40}}) {  // more entries than there are
    EXPECT_EQ(blanked(octets({head, text})), octets({head, stars}));
  }
  EXPECT_EQ(blanked({0, 0xff, 0xff}), (Octets{0, '*', '*'}));
  EXPECT_EQ(blanked({}), Octets());
  // Kinds are numbers of their own, whatever their lowest byte.
  EXPECT_EQ(blanked(octets({{0}, varint(256 + 9), text})), octets({{0}, varint(256 + 9), stars}));
}

TEST(BlankSecrets, a_malformed_entry_hides_those_behind_it_too) {
  const Entries secret(secrets);
  Octets message = octets({{0, 6}, secret.bytes});
  for (std::size_t cut = 3; cut < message.size(); ++cut) {
    const Octets made = blanked({message.begin(), message.begin() + static_cast<std::ptrdiff_t>(cut)});
    EXPECT_EQ(as_text(made).find("hunt"), std::string_view::npos) << cut;
  }
}

}  // namespace
}  // namespace parley::wire::roam
