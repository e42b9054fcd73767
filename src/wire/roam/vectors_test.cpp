#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "wire/roam/message_suite.h"

// Golden vectors and recorded traffic of roam 7.1 peers, in tests/vectors/roam-7.1.
namespace parley::wire::roam {
namespace {

const Metadata sample{{"trace-id", "abc123"},
                      {"auth", Octets{0xde, 0xad, 0xbe, 0xef}, Metadata::sensitive | Metadata::no_propagate},
                      {"attempt", 2u}};

std::vector<std::uint64_t> ids_of(const ChannelList& list) {
  std::vector<std::uint64_t> ids;
  for (ChannelList::Cursor cursor(list); cursor.any();) ids.push_back(cursor.next());
  return ids;
}

// Decodes a golden file, checks that it is encoded to the same bytes, and hands out what it says.
class RoamVectors : public ::testing::Test {
 protected:
  template <class T>
  T golden(const std::string& name, std::uint64_t connection) {
    bytes_ = read_vector("roam-7.1/wire-v7/" + name + ".bin");
    const Result<Message> message = decode_message(bytes_, default_limits);
    EXPECT_TRUE(message) << name;
    if (!message) return {};
    EXPECT_EQ(message->connection, connection) << name;
    // Four bytes of length and the message: a bare conduit adds nothing.
    const auto size = static_cast<std::uint8_t>(bytes_.size());
    EXPECT_EQ(framed(*message), octets({{size, 0, 0, 0}, bytes_})) << name;
    const T* payload = std::get_if<T>(&message->payload);
    EXPECT_TRUE(payload) << name;
    return payload ? *payload : T{};
  }

 private:
  Octets bytes_;  // what is handed out looks into it
};

TEST_F(RoamVectors, hello_carries_version_and_settings) {
  // rule: calls/session.message, calls/session.connection-settings, calls/session.connection-settings.hello
  // rule: calls/conduit.bare, calls/zerocopy.framing.conduit.bare
  const auto hello = golden<Hello>("message_hello", 0);
  EXPECT_EQ(hello.version, 7u);
  EXPECT_EQ(hello.settings, (Settings{Parity::odd, 64}));
  EXPECT_EQ(hello.metadata.to_metadata(), sample);

  const auto yourself = golden<HelloYourself>("message_hello_yourself", 0);
  EXPECT_EQ(yourself.settings, (Settings{Parity::even, 32}));
  EXPECT_EQ(yourself.metadata.to_metadata(), sample);
}

TEST_F(RoamVectors, a_protocol_error_describes_itself_on_connection_zero) {
  EXPECT_EQ(golden<ProtocolError>("message_protocol_error", 0).description, "bad frame sequence");
}

TEST_F(RoamVectors, open_and_accept_carry_settings_of_the_connection) {
  // rule: calls/session.connection-settings.open
  const auto open = golden<ConnectionOpen>("message_connection_open", 2);
  EXPECT_EQ(open.settings, (Settings{Parity::odd, 64}));
  EXPECT_EQ(open.metadata.to_metadata(), sample);

  const auto accept = golden<ConnectionAccept>("message_connection_accept", 2);
  EXPECT_EQ(accept.settings, (Settings{Parity::even, 96}));
  EXPECT_EQ(accept.metadata.to_metadata(), sample);
}

TEST_F(RoamVectors, reject_and_close_of_a_connection_carry_metadata) {
  EXPECT_EQ(golden<ConnectionReject>("message_connection_reject", 4).metadata.to_metadata(), sample);
  EXPECT_EQ(golden<ConnectionClose>("message_connection_close", 2).metadata.to_metadata(), sample);
}

TEST_F(RoamVectors, a_call_is_id_method_channels_metadata_and_arguments) {
  // rule: calls/rpc.request, calls/rpc.metadata
  const auto call = golden<Call>("message_request_call", 2);
  EXPECT_EQ(call.id, 11u);
  EXPECT_EQ(call.method, 0xe5a1d6b2c390f001u);
  EXPECT_EQ(ids_of(call.channels), (std::vector<std::uint64_t>{3, 5}));
  EXPECT_EQ(call.metadata.to_metadata(), sample);
  EXPECT_EQ(octets(call.arguments), varint(0x12345678));
}

TEST_F(RoamVectors, a_response_is_the_id_of_its_call_channels_metadata_and_a_result) {
  // rule: calls/rpc.response, calls/rpc.metadata
  const auto response = golden<Response>("message_request_response", 2);
  EXPECT_EQ(response.id, 11u);
  EXPECT_EQ(ids_of(response.channels), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(response.metadata.to_metadata(), sample);
  EXPECT_EQ(octets(response.result), varint(0xfaceb00c));
}

TEST_F(RoamVectors, a_cancel_is_the_id_of_its_call_and_metadata) {
  const auto cancel = golden<Cancel>("message_request_cancel", 2);
  EXPECT_EQ(cancel.id, 11u);
  EXPECT_EQ(cancel.metadata.to_metadata(), sample);
}

TEST_F(RoamVectors, channel_messages_name_their_channel) {
  // rule: calls/rpc.channel.item
  const auto item = golden<Item>("message_channel_item", 2);
  EXPECT_EQ(item.id, 3u);
  EXPECT_EQ(octets(item.item), Octets{77});

  const auto close = golden<Close>("message_channel_close", 2);
  EXPECT_EQ(close.id, 3u);
  EXPECT_EQ(close.metadata.to_metadata(), sample);

  const auto reset = golden<Reset>("message_channel_reset", 2);
  EXPECT_EQ(reset.id, 3u);
  EXPECT_EQ(reset.metadata.to_metadata(), sample);

  const auto grant = golden<GrantCredit>("message_channel_grant_credit", 2);
  EXPECT_EQ(grant.id, 3u);
  EXPECT_EQ(grant.additional, 1024u);
}

// A letter for each message of a recording: what went which way.
std::string replay(const std::string& name) {
  const Octets text = read_vector("roam-7.1/traffic/" + name + ".txt");
  std::istringstream lines(std::string(text.begin(), text.end()));
  std::string story;
  std::string direction;
  std::string size;
  std::string hex;
  while (lines >> direction >> size >> hex) {
    if (size == "EOF") continue;
    const Octets bytes = from_hex(hex);
    EXPECT_EQ(std::to_string(bytes.size()), size) << name;
    const Result<Message> message = decode_message(bytes, default_limits);
    EXPECT_TRUE(message) << name << ' ' << hex;
    if (!message) return story;
    EXPECT_EQ(encoded(*message), bytes) << name;
    EXPECT_EQ(message->connection, 0u) << name;
    constexpr std::string_view letters = "HY!OARCcrxicxg<>";
    story += direction == "C>S" ? "+" : "-";
    story += letters[message->payload.index()];
  }
  return story;
}

TEST(RoamTraffic, every_recorded_message_is_read_and_written_to_the_same_bytes) {
  // rule: calls/session.message
  const std::map<std::string, std::string> stories{
      {"echo", "+H-Y+c-r"},       {"create_canvas", "+H-Y+c-r"},   {"process_message", "+H-Y+c-r"},
      {"shape_area", "+H-Y+c-r"}, {"sum", "+H-Y+c+i+i+i+i+i+c-r"}, {"generate", "+H-Y+c-i-i-i-i-i-c-r"},
  };
  for (const auto& [name, story] : stories) EXPECT_EQ(replay(name), story) << name;
}

TEST(RoamTraffic, the_recorded_sum_says_what_was_sent) {
  const Octets bytes = from_hex("00070100fdfdefcbddc4cead8501010100");
  const Result<Message> message = decode_message(bytes, default_limits);
  ASSERT_TRUE(message);
  const auto& call = std::get<Call>(message->payload);
  EXPECT_EQ(call.id, 1u);
  EXPECT_EQ(call.method, 0x855b3a25d97bfefdu);
  EXPECT_EQ(ids_of(call.channels), (std::vector<std::uint64_t>{1}));
  EXPECT_TRUE(call.metadata.empty());
  EXPECT_TRUE(call.arguments.empty());
}

}  // namespace
}  // namespace parley::wire::roam
