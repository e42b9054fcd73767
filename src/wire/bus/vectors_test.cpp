#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "wire/bus/bus_suite.h"

// The vectors of the bus, in tests/vectors/bus: what they say, that it is written as the same bytes, and what is
// refused.
namespace parley::wire::bus {
namespace {

// The schema id that vectors use: 32 times one byte.
SchemaId schema_of(std::uint8_t byte) {
  SchemaId id;
  id.fill(byte);
  return id;
}
Envelope envelope_of(std::string_view payload) { return {.schema = schema_of(0xab), .payload = as_bytes(payload)}; }

std::map<std::string, Frame> meanings() {
  const Version v1{1, 0};
  const Causality caused{.parent = "m-1", .clock = 7};
  return {
      {"connect_empty_token", {0, Connect{v1, v1, {}}}},
      {"connect_token_s3cret", {0, Connect{v1, {2, 1}, as_bytes("s3cret")}}},
      {"connect_ack_1_0_caps0", {0, ConnectAck{v1, 0}}},
      {"connect_error_version_with_msg", {0, ConnectError{Reason::version, "no"}}},
      {"connect_error_auth_no_msg", {0, ConnectError{Reason::authentication, std::nullopt}}},
      {"disconnect", {0, Disconnect{}}},
      {"subscribe_no_schema", {1, Subscribe{"orders", {}, 1024}}},
      {"subscribe_two_schemas", {3, Subscribe{"orders", {schema_of(0xa0), schema_of(0xb0)}, 1}}},
      {"subscribe_ack", {1, SubscribeAck{42, schema_of(0xa0)}}},
      {"subscribe_error_schema", {1, SubscribeError{Reason::schema, "x"}}},
      {"unsubscribe", {1, Unsubscribe{42}}},
      {"publish_plain", {1, Publish{"orders", envelope_of("{}"), std::nullopt}}},
      {"publish_with_key", {1, Publish{"orders", envelope_of("{}"), "k-1"}}},
      {"publish_causal", {5, Publish{"c", {schema_of(0x11), caused, as_bytes("hi")}, std::nullopt}}},
      {"publish_ack_undelivered", {1, PublishAck{9, false}}},
      {"publish_ack_delivered", {1, PublishAck{10, true}}},
      {"publish_error_ffff", {1, PublishError{Reason::other, "nope"}}},
      {"conversation_open", {1, ConversationOpen{7, "billing"}}},
      {"conversation_message_fire_and_forget", {1, ConversationMessage{7, envelope_of("ping"), false}}},
      {"conversation_message_reply_requested", {1, ConversationMessage{7, envelope_of("ping"), true}}},
      {"conversation_reply_shape_0_2_x", {1, ConversationMessage{7, {{}, {}, as_bytes("PING")}, true}}},
      {"conversation_close_no_reason", {1, ConversationClose{7, std::nullopt, std::nullopt}}},
      {"conversation_close_reason_msg", {1, ConversationClose{7, Reason::unknown_frame, "bye"}}},
      {"conversation_error", {1, ConversationError{7, Reason::other, "gone"}}},
      {"accept", {2, Accept{"m-1"}}},
      {"defer_reason", {2, Defer{"m-1", "busy"}}},
      {"reject_no_reason", {2, Reject{"m-1", std::nullopt}}},
      {"ping", {0, Ping{}}},
      {"pong", {0, Pong{}}},
      {"push", {1, Push{1, as_bytes("work")}}},
      {"push_reply", {1, PushReply{1, as_bytes("done")}}},
      {"worker_register_node_none", {0, WorkerRegister{{"default"}, "q", std::nullopt, {"a", "b"}, "w1"}}},
      {"worker_register_node_empty", {0, WorkerRegister{{}, "q", "", {}, "w1"}}},
      {"worker_register_ack_ok", {0, WorkerRegisterAck{std::nullopt}}},
      {"worker_register_ack_rejected", {0, WorkerRegisterAck{"no"}}},
      {"deliver_seq1", {1, Deliver{1, envelope_of("{}")}}},
      {"unknown_0x7f", {0, Unknown{0x7f, 9, as_bytes("\1\2\3")}}},
  };
}

TEST(BusVectors, every_frame_means_what_it_says_and_is_written_to_the_same_bytes) {
  const std::map<std::string, Frame> expected = meanings();
  std::set<std::size_t> kinds;
  std::size_t count = 0;
  for (const VectorLine& line : read_vectors("encode")) {
    const std::string label = line.text("label");
    const Octets bytes = from_hex(line.text("hex"));
    ASSERT_TRUE(expected.contains(label)) << label;
    const Frame& meaning = expected.at(label);
    const auto frame = read_frame(bytes, default_bounds);
    ASSERT_TRUE(frame) << label << ' ' << frame.error().note;
    EXPECT_TRUE(*frame == meaning) << label;
    EXPECT_EQ(to_hex(encoded(meaning)), line.text("hex")) << label;
    EXPECT_EQ(to_hex(encoded(*frame)), line.text("hex")) << label;
    EXPECT_EQ(encoded_size(*frame), bytes.size()) << label;
    EXPECT_EQ(read_head(bytes, default_bounds).value().body_bytes, bytes.size() - head_bytes) << label;
    kinds.insert(frame->body.index());
    ++count;
  }
  EXPECT_EQ(count, expected.size());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>) << "there is a vector for every type";
}

TEST(BusVectors, a_frame_that_is_cut_anywhere_says_that_more_may_come) {
  for (const VectorLine& line : read_vectors("encode")) {
    const Octets bytes = from_hex(line.text("hex"));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Octets part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ByteView left = part;
      const auto frame = take_frame(left, default_bounds);
      ASSERT_FALSE(frame) << line.json << size;
      EXPECT_EQ(frame.error().fault, size < head_bytes ? Fault::head_cut_off : Fault::body_cut_off)
          << line.json << size;
      EXPECT_EQ(frame.error().code, Code::frame_truncated);
      EXPECT_EQ(left.size(), size) << "nothing is taken";
    }
  }
}

TEST(BusVectors, bytes_behind_a_frame_are_left_and_refused_in_a_message_of_their_own) {
  for (const VectorLine& line : read_vectors("encode")) {
    Octets bytes = from_hex(line.text("hex"));
    const std::size_t size = bytes.size();
    bytes.push_back(0x13);
    ByteView left = bytes;
    EXPECT_TRUE(take_frame(left, default_bounds)) << line.json;
    EXPECT_EQ(octets(left), Octets{0x13}) << line.json;
    EXPECT_EQ(fault_of(bytes).fault, Fault::bytes_left) << line.json;

    // The same byte inside of the body.
    const Octets longer = with_body(bytes, ByteView(bytes).subspan(head_bytes));
    ASSERT_EQ(longer.size(), size + 1);
    if (bytes[0] > type_max) continue;  // whatever an unknown frame holds
    const Malformed malformed = fault_of(longer);
    constexpr std::uint8_t worker_register = 0x17;  // whose activities may follow, and do not fit in a byte
    EXPECT_EQ(malformed.fault, bytes[0] == worker_register ? Fault::field_cut_off : Fault::bytes_left) << line.json;
    EXPECT_EQ(malformed.code, Code::message);
    EXPECT_EQ(reason_of(malformed.fault), Reason::malformed);
  }
}

TEST(BusVectors, a_body_that_ends_early_is_refused_wherever_it_ends) {
  for (const VectorLine& line : read_vectors("encode")) {
    const Octets bytes = from_hex(line.text("hex"));
    if (bytes[0] > type_max) continue;
    for (std::size_t size = 0; size + head_bytes < bytes.size(); ++size) {
      const Malformed malformed = fault_of(with_body(bytes, ByteView(bytes).subspan(head_bytes, size)));
      EXPECT_EQ(malformed.fault, Fault::field_cut_off) << line.json << size;
      EXPECT_EQ(malformed.code, Code::message);
      EXPECT_TRUE(malformed.note.ends_with("cut off")) << malformed.note;
    }
  }
}

// Frames of any length, as the origin takes them.
constexpr Bounds endless{.frame_bytes_max = ~std::size_t{0}};

TEST(BusVectors, what_is_no_frame_is_refused_for_the_same_reason) {
  std::size_t count = 0;
  for (const VectorLine& line : read_vectors("decode")) {
    const Octets bytes = from_hex(line.text("hex"));
    ByteView left = bytes;
    const auto frame = take_frame(left, endless);
    if (const int error = line.number("err"); error != 0) {
      ASSERT_FALSE(frame) << line.json;
      EXPECT_EQ(std::to_underlying(reason_of(frame.error().fault)), error) << line.json;
      EXPECT_FALSE(frame.error().note.empty());
    } else {
      ASSERT_TRUE(frame) << line.json << ' ' << frame.error().note;
      const std::uint8_t type = type_of(frame->body);
      const std::string name = std::string(name_of(type));
      EXPECT_EQ(type > type_max || type == 0 ? name + "(" + std::to_string(type) + ")" : name, line.text("ok"));
      EXPECT_EQ(bytes.size() - left.size(), static_cast<std::size_t>(line.number("consumed"))) << line.json;
    }
    ++count;
  }
  EXPECT_EQ(count, 15u);
}

TEST(BusVectors, a_length_without_end_is_refused_by_its_head) {
  for (const VectorLine& line : read_vectors("decode")) {
    if (line.text("decode") != "huge_len_header_only") continue;
    const Malformed malformed = fault_of(from_hex(line.text("hex")));
    EXPECT_EQ(malformed.fault, Fault::frame_too_large);
    EXPECT_EQ(malformed.code, Code::frame_too_large);
    EXPECT_EQ(malformed.note, "Publish: a body of 4294967295 bytes, in frames of at most 16777216");
    return;
  }
  FAIL() << "the vector is gone";
}

}  // namespace
}  // namespace parley::wire::bus
