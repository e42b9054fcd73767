#include "wire/roam/stable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wire/opening.h"

namespace parley::wire::roam::stable {
namespace {

using namespace std::literals;

constexpr Key key{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
const std::string key_text("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
const std::string no_key(16, '\0');

template <class Hello>
std::string text_of(const Hello& hello) {
  const auto bytes = encode(hello);
  return std::string(as_text(bytes));
}

TEST(StableHello, the_client_says_which_session_it_goes_on_with) {
  // rule: calls/stable.handshake, calls/stable.handshake.client-hello
  const std::pair<ClientHello, std::string> cases[] = {
      {{}, "ROCH\0"s + no_key + "\0\0\0\0"s},
      {{key, std::nullopt}, "ROCH\1"s + key_text + "\0\0\0\0"s},
      {{key, 0x01020304}, "ROCH\3"s + key_text + "\4\3\2\1"s},
      {{std::nullopt, 0}, "ROCH\2"s + no_key + "\0\0\0\0"s},
  };
  for (const auto& [hello, bytes] : cases) {
    EXPECT_EQ(text_of(hello), bytes);
    EXPECT_EQ(read_client_hello(as_bytes(bytes)).value(), hello);
    EXPECT_TRUE(is_client_hello(as_bytes(bytes)));
  }
}

TEST(StableHello, the_server_says_by_which_key_and_up_to_where) {
  // rule: calls/stable.handshake, calls/stable.handshake.server-hello
  const std::pair<ServerHello, std::string> cases[] = {
      {{false, key, std::nullopt}, "ROSH\0"s + key_text + "\0\0\0\0"s},
      {{false, key, 7}, "ROSH\2"s + key_text + "\7\0\0\0"s},
      {{true, {}, std::nullopt}, "ROSH\1"s + no_key + "\0\0\0\0"s},
  };
  for (const auto& [hello, bytes] : cases) {
    EXPECT_EQ(text_of(hello), bytes);
    EXPECT_EQ(read_server_hello(as_bytes(bytes)).value(), hello);
    EXPECT_FALSE(is_client_hello(as_bytes(bytes)));
  }
}

TEST(StableHello, is_known_at_the_door) {
  const std::string hello = "\x19\0\0\0"s + text_of(ClientHello{key, 1});
  EXPECT_EQ(read_opening(as_bytes(hello)).opening, Opening::roam_stable);
}

TEST(StableHello, nothing_else_is_one) {
  const std::string hello = text_of(ClientHello{key, 1});
  EXPECT_FALSE(read_client_hello(as_bytes(hello).first(24)));
  EXPECT_FALSE(read_client_hello(as_bytes(hello + "x")));
  EXPECT_FALSE(read_server_hello(as_bytes(hello)));
  EXPECT_FALSE(is_client_hello(as_bytes(hello).first(24)));
  for (const int flag : {4, 8, 16, 32, 64, 128}) {
    std::string flagged = hello;
    flagged[4] = static_cast<char>(3 | flag);
    EXPECT_EQ(read_client_hello(as_bytes(flagged)).error().code, Code::message) << flag;
  }
  EXPECT_EQ(read_client_hello(as_bytes("ROCH\0"s + key_text + "\0\0\0\0"s)).error().note,
            "the hello of a stable session: a key without its flag");
  EXPECT_FALSE(read_client_hello(as_bytes("ROCH\1"s + key_text + "\1\0\0\0"s)));
  EXPECT_FALSE(read_server_hello(as_bytes("ROSH\0"s + key_text + "\1\0\0\0"s)));
}

std::string head_of(std::uint32_t number, std::optional<std::uint32_t> acknowledged) {
  std::uint8_t bytes[frame_head_bytes_max];
  const std::uint8_t* const end = put_frame_head(bytes, number, acknowledged);
  return std::string(as_text({bytes, end}));
}

TEST(StableFrame, a_number_an_acknowledgement_and_the_message) {
  // rule: calls/stable.framing, calls/stable.framing.encoding, calls/zerocopy.framing.conduit.stable
  struct Case {
    std::uint32_t number;
    std::optional<std::uint32_t> acknowledged;
    std::string head;
  };
  const Case cases[] = {
      {0, std::nullopt, "\0\0"s},
      {1, std::nullopt, "\1\0"s},
      {0, 6, "\0\1\6"s},  // as it was observed
      {300, 128, "\xac\2\1\x80\1"s},
      {0xffffffff, 0xffffffff, "\xff\xff\xff\xff\x0f\1\xff\xff\xff\xff\x0f"s},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(head_of(each.number, each.acknowledged), each.head);
    for (const std::string message : {"", "m", "a longer message"}) {
      const std::string bytes = each.head + message;
      const Frame frame = read_frame(as_bytes(bytes)).value();
      EXPECT_EQ(frame.number, each.number);
      EXPECT_EQ(frame.acknowledged, each.acknowledged);
      EXPECT_EQ(as_text(frame.message), message);
    }
  }
}

TEST(StableFrame, what_is_cut_off_or_too_large_is_refused) {
  const std::string whole = head_of(300, 0xffffffff);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_frame(as_bytes(whole).first(size)).error().code, Code::message) << size;
  }
  for (const std::string& bytes : {"\xff\xff\xff\xff\x10\0"s, "\0\2"s, "\0\1\xff\xff\xff\xff\x10"s, "\0\xff"s,
                                   "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0"s}) {
    EXPECT_FALSE(read_frame(as_bytes(bytes))) << bytes;
  }
}

}  // namespace
}  // namespace parley::wire::roam::stable
