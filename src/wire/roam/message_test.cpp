#include "wire/roam/message.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/roam/message_suite.h"

namespace parley::wire::roam {
namespace {

// The least message of each kind, and which alternative of Payload it is.
const std::vector<std::pair<Octets, std::size_t>> least{
    {{0, 0, 7, 0, 64, 0}, 0},    // Hello
    {{0, 1, 1, 64, 0}, 1},       // HelloYourself
    {{0, 2, 0}, 2},              // ProtocolError
    {{1, 3, 0, 64, 0}, 3},       // ConnectionOpen
    {{1, 4, 1, 64, 0}, 4},       // ConnectionAccept
    {{1, 5, 0}, 5},              // ConnectionReject
    {{1, 6, 0}, 6},              // ConnectionClose
    {{0, 7, 1, 0, 9, 0, 0}, 7},  // Call
    {{0, 7, 1, 1, 0, 0}, 8},     // Response
    {{0, 7, 1, 2, 0}, 9},        // Cancel
    {{0, 8, 1, 0}, 10},          // Item
    {{0, 8, 1, 1, 0}, 11},       // Close
    {{0, 8, 1, 2, 0}, 12},       // Reset
    {{0, 8, 1, 3, 16}, 13},      // GrantCredit
    {{0, 9, 5}, 14},             // Ping
    {{0, 10, 5}, 15},            // Pong
};

TEST(RoamMessage, the_kinds_are_a_closed_set) {
  // rule: calls/session.message.payloads
  ASSERT_EQ(least.size(), std::variant_size_v<Payload>);
  for (const auto& [bytes, index] : least) {
    const Result<Message> message = decode_message(bytes, default_limits);
    ASSERT_TRUE(message) << index;
    EXPECT_EQ(message->payload.index(), index);
    EXPECT_EQ(encoded(*message), bytes) << index;
  }
  for (const std::uint64_t kind : {11ull, 12ull, 127ull, 128ull, 1ull << 32, ~0ull}) {
    const Octets bytes = octets({{0}, varint(kind), Octets(20, 0)});
    EXPECT_EQ(fault_of(bytes), Code::message) << kind;
    EXPECT_EQ(note_of(bytes), "unknown message kind") << kind;
  }
  EXPECT_EQ(note_of(Octets{0, 7, 1, 3, 0}), "unknown request kind");
  EXPECT_EQ(note_of(octets({{0, 7, 1}, varint(256), {0}})), "unknown request kind");
  EXPECT_EQ(note_of(Octets{0, 8, 1, 4, 0}), "unknown channel message kind");
  EXPECT_EQ(note_of(octets({{0, 8, 1}, varint(1ull << 32), {0}})), "unknown channel message kind");
}

TEST(RoamMessage, what_is_missing_from_the_least_of_each_kind_is_noticed) {
  for (const auto& [bytes, index] : least) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Octets part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(fault_of(part), Code::message) << index << ' ' << size;
    }
  }
}

TEST(RoamMessage, what_follows_the_least_of_each_kind_is_refused_or_belongs_to_it) {
  for (const auto& [bytes, index] : least) {
    const bool runs_to_its_end = index == 7 || index == 8 || index == 10;  // Call, Response, Item
    const Octets more = octets({bytes, {0}});
    EXPECT_EQ(decode_message(more, default_limits).has_value(), runs_to_its_end) << index;
    if (!runs_to_its_end) EXPECT_EQ(note_of(more), "bytes after the end of the message") << index;
  }
}

TEST(RoamMessage, an_empty_message_is_refused) {
  EXPECT_EQ(fault_of({}), Code::message);
  EXPECT_EQ(note_of({}), "number cut off");
}

TEST(RoamMessage, numbers_of_64_bits_go_through_whole) {
  constexpr std::uint64_t largest = ~std::uint64_t{0};
  const Message message{largest, Call{.id = largest - 1, .method = largest - 2, .arguments = {}}};
  const Octets bytes = encoded(message);
  const Result<Message> read = decode_message(bytes, default_limits);
  ASSERT_TRUE(read);
  EXPECT_TRUE(same(*read, message));
  const Message ping{0, Ping{largest}};
  EXPECT_TRUE(same(decode_message(encoded(ping), default_limits).value(), ping));
}

TEST(RoamMessage, a_number_that_does_not_fit_its_field_is_refused) {
  const Octets too_much = varint(std::uint64_t{1} << 32);
  const Octets most = varint(0xffffffffu);
  EXPECT_EQ(note_of(octets({{0, 0}, too_much})), "version beyond 32 bits");
  EXPECT_EQ(note_of(octets({{0, 0, 7, 0}, too_much, {0}})), "max_concurrent_requests beyond 32 bits");
  EXPECT_EQ(note_of(octets({{0, 8, 1, 3}, too_much})), "credit beyond 32 bits");
  EXPECT_TRUE(decode_message(octets({{0, 0, 7, 0}, most, {0}}), default_limits));
  const Octets grant = octets({{0, 8, 1, 3}, most});
  EXPECT_EQ(std::get<GrantCredit>(decode_message(grant, default_limits)->payload).additional, 0xffffffffu);

  const Octets beyond_64_bits{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  const Octets endless(11, 0x80);
  for (const Octets& number : {beyond_64_bits, endless}) {
    EXPECT_EQ(fault_of(octets({number, {9, 5}})), Code::message);                   // connection
    EXPECT_EQ(fault_of(octets({{0, 9}, number})), Code::message);                   // nonce
    EXPECT_EQ(fault_of(octets({{0, 7}, number, {2, 0}})), Code::message);           // request id
    EXPECT_EQ(fault_of(octets({{0, 7, 1, 0}, number, {0, 0}})), Code::message);     // method
    EXPECT_EQ(fault_of(octets({{0, 7, 1, 0, 9, 1}, number, {0}})), Code::message);  // a channel id
  }
}

TEST(RoamMessage, parity_is_odd_or_even) {
  for (const Octets& parity : {Octets{2}, Octets{0xff, 0x01}, varint(1ull << 32)}) {
    EXPECT_EQ(note_of(octets({{0, 0, 7}, parity, {64, 0}})), "unknown parity");
    EXPECT_EQ(note_of(octets({{0, 1}, parity, {64, 0}})), "unknown parity");
    EXPECT_EQ(note_of(octets({{2, 3}, parity, {64, 0}})), "unknown parity");
    EXPECT_EQ(note_of(octets({{2, 4}, parity, {64, 0}})), "unknown parity");
  }
  EXPECT_EQ(opposite(Parity::odd), Parity::even);
  EXPECT_EQ(opposite(Parity::even), Parity::odd);
  for (const Parity parity : {Parity::odd, Parity::even}) {
    EXPECT_TRUE(has_parity(first_id(parity), parity));
    EXPECT_TRUE(has_parity(first_id(parity) + 2, parity));
    EXPECT_FALSE(has_parity(first_id(parity), opposite(parity)));
    EXPECT_NE(first_id(parity), 0u);
  }
}

TEST(RoamMessage, a_hello_of_another_version_is_read_no_further) {
  for (const std::uint64_t version : {0ull, 6ull, 8ull, 0xffffffffull}) {
    const Octets bytes = octets({{0, 0}, varint(version), {0xff, 0xff, 0xff}});
    const Result<Message> message = decode_message(bytes, default_limits);
    ASSERT_TRUE(message) << version;
    EXPECT_EQ(std::get<Hello>(message->payload).version, version);
  }
  EXPECT_FALSE(decode_message(Octets{0, 0, 7, 0xff, 0xff, 0xff}, default_limits));
}

TEST(RoamMessage, texts_are_utf8) {
  const Octets bad{0xc3, 0x28};
  EXPECT_EQ(note_of(octets({{0, 2, 2}, bad})), "description is not UTF-8");
  EXPECT_EQ(note_of(octets({{1, 6, 1, 2}, bad, {2, 0, 0}})), "malformed metadata");          // a key
  EXPECT_EQ(note_of(octets({{1, 6, 1, 1, 'k', 0, 2}, bad, {0}})), "malformed metadata");     // a text
  EXPECT_TRUE(decode_message(octets({{1, 6, 1, 1, 'k', 1, 2}, bad, {0}}), default_limits));  // bytes may be anything
  EXPECT_TRUE(decode_message(Octets{0, 2, 2, 0xc3, 0xa9}, default_limits));
  EXPECT_EQ(note_of(Octets{0, 2, 3, 'a', 'b'}), "description cut off");
}

TEST(RoamMessage, metadata_has_a_bound_in_entries) {
  // rule: calls/weakness.23
  Limits limits;
  limits.metadata_entries_max = 3;
  const Octets entry{1, 'k', 2, 0, 0};
  const Octets three = octets({entry, entry, entry});
  // In every kind of message that carries some.
  const std::vector<Octets> heads{{0, 0, 7, 0, 64}, {0, 1, 1, 64}, {2, 3, 0, 64},      {2, 4, 0, 64},
                                  {2, 5},           {2, 6},        {0, 7, 1, 0, 9, 0}, {0, 7, 1, 1, 0},
                                  {0, 7, 1, 2},     {0, 8, 1, 1},  {0, 8, 1, 2}};
  for (const Octets& head : heads) {
    EXPECT_TRUE(decode_message(octets({head, {3}, three}), limits));
    EXPECT_EQ(fault_of(octets({head, {4}, three, entry}), limits), Code::metadata_limit);
    EXPECT_EQ(note_of(octets({head, {4}, three, entry}), limits), "too many metadata entries");
  }
}

TEST(RoamMessage, metadata_has_a_bound_in_bytes) {
  // rule: calls/weakness.23
  Limits limits;
  limits.metadata_bytes_max = 20;
  const auto message = [](std::size_t value_size) {  // entries of 5 and 5 + value_size bytes
    return octets({{2, 6, 2}, {1, 'a', 2, 0, 0}, {1, 'b', 1}, varint(value_size), Octets(value_size, 'x'), {0}});
  };
  EXPECT_TRUE(decode_message(message(10), limits));
  EXPECT_EQ(fault_of(message(11), limits), Code::metadata_limit);
  EXPECT_EQ(note_of(message(11), limits), "metadata too large");
  // The bound is on metadata alone.
  const Octets call = octets({{0, 7, 1, 0, 9, 0, 0}, Octets(1000, 0)});
  EXPECT_TRUE(decode_message(call, limits));
}

TEST(RoamMessage, channels_of_a_call_have_a_bound) {
  // rule: calls/weakness.23
  Limits limits;
  limits.channels_per_call_max = 5;
  for (const Octets& head : {Octets{0, 7, 1, 0, 9}, Octets{0, 7, 1, 1}}) {  // a call, and a response
    EXPECT_TRUE(decode_message(octets({head, {5, 1, 3, 5, 7, 9}, {0}}), limits));
    EXPECT_EQ(fault_of(octets({head, {6, 1, 3, 5, 7, 9, 11}, {0}}), limits), Code::too_many_channels);
  }
  EXPECT_EQ(parley::kind(Code::too_many_channels), parley::Kind::protocol);
}

TEST(RoamMessage, a_count_beyond_what_remains_is_refused_before_anything_is_read) {
  // rule: calls/weakness.23
  Limits limits;  // none that would refuse it first
  limits.channels_per_call_max = ~0u;
  limits.metadata_entries_max = ~0u;
  for (const std::uint64_t count : {std::uint64_t{4}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    EXPECT_EQ(note_of(octets({{0, 7, 1, 0, 9}, varint(count), {1, 3, 0}}), limits), "channel list cut off");
    EXPECT_EQ(note_of(octets({{2, 6}, varint(count), {0, 2, 0}}), limits), "metadata cut off");
  }
}

TEST(RoamMessage, arguments_results_and_items_run_to_the_end_and_are_not_copied) {
  const auto expect_view = [](const Octets& bytes, ByteView view) {
    EXPECT_EQ(view.data() + view.size(), bytes.data() + bytes.size());
    EXPECT_EQ(octets(view), (Octets{1, 2, 3}));
  };
  const Octets call{0, 7, 1, 0, 9, 0, 0, 1, 2, 3};
  const Octets response{0, 7, 1, 1, 0, 0, 1, 2, 3};
  const Octets item{0, 8, 1, 0, 1, 2, 3};
  expect_view(call, std::get<Call>(decode_message(call, default_limits)->payload).arguments);
  expect_view(response, std::get<Response>(decode_message(response, default_limits)->payload).result);
  expect_view(item, std::get<Item>(decode_message(item, default_limits)->payload).item);
}

TEST(RoamMessage, padded_numbers_are_read_and_go_out_in_their_shortest_form) {
  const Octets padded{0x80, 0x00, 0x89, 0x00, 0x85, 0x80, 0x00};
  const Result<Message> message = decode_message(padded, default_limits);
  ASSERT_TRUE(message);
  EXPECT_EQ(encoded(*message), (Octets{0, 9, 5}));
}

TEST(RoamMessage, the_pieces_of_a_call_can_be_taken_one_by_one) {
  const Octets bytes = read_vector("roam-7.1/wire-v7/message_request_call.bin");
  Decoder decoder(bytes, default_limits);
  std::uint64_t connection = 0;
  std::uint64_t id = 0;
  std::uint64_t method = 0;
  Kind kind{};
  RequestKind request{};
  ChannelList channels;
  MetadataView metadata;
  ASSERT_TRUE(decoder.head(connection, kind) && decoder.request_head(id, request) && decoder.method(method) &&
              decoder.channels(channels) && decoder.metadata(metadata));
  EXPECT_EQ(kind, Kind::request);
  EXPECT_EQ(request, RequestKind::call);
  EXPECT_EQ(id, 11u);
  EXPECT_EQ(method, 0xe5a1d6b2c390f001u);
  EXPECT_EQ(channels.size(), 2u);
  EXPECT_EQ(metadata.size(), 3u);
  EXPECT_EQ(octets(decoder.rest()), varint(0x12345678));
}

TEST(RoamMessage, a_decoder_that_failed_reads_nothing_more) {
  const Octets bytes{0, 7, 1, 0, 0x80};  // the method is cut off
  Decoder decoder(bytes, default_limits);
  Message message;
  EXPECT_FALSE(decoder.message(message));
  EXPECT_EQ(decoder.what(), "method id cut off");
  std::uint64_t number = 0;
  ChannelList channels;
  MetadataView metadata;
  EXPECT_FALSE(decoder.method(number));
  EXPECT_FALSE(decoder.channels(channels));
  EXPECT_FALSE(decoder.metadata(metadata));
  EXPECT_TRUE(decoder.rest().empty());
}

TEST(RoamMessage, the_fixed_part_fits_the_room_that_is_taken_for_it) {
  constexpr std::uint64_t largest = ~std::uint64_t{0};
  EXPECT_LE(encoded({largest, Call{.id = largest, .method = largest}}).size(), head_bytes_max);
  EXPECT_LE(encoded({largest, Response{.id = largest}}).size(), head_bytes_max);
  EXPECT_LE(encoded({largest, GrantCredit{largest, 0xffffffffu}}).size(), head_bytes_max);
  EXPECT_LE(encoded({largest, Hello{.version = 0xffffffffu, .settings = {Parity::even, 0xffffffffu}}}).size(),
            head_bytes_max);
  // A method id that is put as a constant writes sixteen bytes, whatever its size.
  std::uint8_t room[head_bytes_max];
  std::uint8_t* cursor = put_request_head(room, largest, largest, RequestKind::call);
  EXPECT_GE(static_cast<std::size_t>(room + head_bytes_max - cursor), codec::VarintConstant::room + 2);
}

}  // namespace
}  // namespace parley::wire::roam
