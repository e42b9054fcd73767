#include "wire/bus/frame.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/bus/bus_suite.h"

namespace parley::wire::bus {
namespace {

using namespace std::literals;

Malformed fault_of_text(std::uint8_t type, std::uint32_t stream, std::string_view body,
                        const Bounds& bounds = default_bounds) {
  return fault_of(framed(type, 0, stream, as_bytes(body)), bounds);
}

// A frame whose byte at `at`, from its beginning, is another one.
Octets changed(std::string_view label, std::size_t at, std::uint8_t byte) {
  Octets bytes = golden(label);
  EXPECT_LT(at, bytes.size());
  bytes[at] = byte;
  return bytes;
}

TEST(BusFrame, the_door_takes_every_opening_that_the_bounds_take) {
  constexpr std::size_t opening_bytes_max = std::size_t{1} << 24;
  EXPECT_LT(Bounds{}.frame_bytes_max - head_bytes, opening_bytes_max);
}

TEST(BusFrame, types_have_names_and_an_order) {
  EXPECT_EQ(name_of(0x00), "Unknown");
  EXPECT_EQ(name_of(0x01), "Connect");
  EXPECT_EQ(name_of(0x0d), "ConversationMessage");
  EXPECT_EQ(name_of(0x19), "Deliver");
  EXPECT_EQ(name_of(0x1a), "Unknown");
  EXPECT_EQ(type_of(Connect{}), 0x01);
  EXPECT_EQ(type_of(ConversationOpen{}), 0x0c);
  EXPECT_EQ(type_of(Accept{}), 0x10);
  EXPECT_EQ(type_of(Ping{}), 0x13);
  EXPECT_EQ(type_of(Deliver{}), 0x19);
  EXPECT_EQ(type_of(Unknown{.type = 0x40}), 0x40);
}

TEST(BusFrame, frames_of_the_session_go_on_stream_0_and_others_do_not) {
  const std::string session = "\x01\x02\x03\x04\x13\x14\x17\x18";
  for (int type = 0; type < 256; ++type) {
    const bool is_known = type >= 1 && type <= type_max;
    const bool is_session = session.contains(static_cast<char>(type)) && type != 0;
    EXPECT_EQ(is_of_session(static_cast<std::uint8_t>(type)), is_session) << type;
    for (const std::uint32_t stream : {0u, 1u, 0x01000000u, 0xffffffffu}) {
      const bool is_right = !is_known || is_session == (stream == 0);
      const auto head = read_head(framed(static_cast<std::uint8_t>(type), 0, stream, {}), default_bounds);
      ASSERT_EQ(head.has_value(), is_right) << type << ' ' << stream;
      if (head) continue;
      EXPECT_EQ(head.error().fault, Fault::wrong_stream);
      EXPECT_EQ(head.error().code, Code::wrong_connection);
      EXPECT_EQ(reason_of(Fault::wrong_stream), Reason::wrong_stream);
    }
  }
  EXPECT_EQ(fault_of_text(0x13, 1, "").note, "Ping on stream 1");
  EXPECT_EQ(fault_of_text(0x09, 0, "").note, "Publish on stream 0");
}

TEST(BusFrame, a_head_is_ten_bytes) {
  const Octets bytes = golden("subscribe_two_schemas");
  const Head head = read_head(bytes, default_bounds).value();
  EXPECT_EQ(head.type, 5);
  EXPECT_EQ(head.flags, 0);
  EXPECT_EQ(head.stream, 3u);
  EXPECT_EQ(head.body_bytes, 82u);
  EXPECT_EQ(fault_of(ByteView(bytes).first(9)).note, "9 bytes of a head");
  EXPECT_EQ(fault_of(ByteView(bytes).first(12)).note, "Subscribe: 2 of 82 bytes");
  EXPECT_EQ(fault_of({}).fault, Fault::head_cut_off);
}

TEST(BusFrame, flags_that_a_type_does_not_know_are_nothing) {
  for (const VectorLine& line : read_vectors("encode")) {
    Octets bytes = from_hex(line.text("hex"));
    const std::uint8_t known = bytes[0] == 0x09 ? 2 : bytes[0] == 0x0a || bytes[0] == 0x0d ? 1 : 0;
    if (bytes[0] > type_max) continue;
    bytes[1] |= static_cast<std::uint8_t>(~known);
    const auto frame = read_frame(bytes, default_bounds);
    ASSERT_TRUE(frame) << line.json << ' ' << frame.error().note;
    EXPECT_EQ(to_hex(encoded(*frame)), line.text("hex")) << "and they are not passed on";
  }
}

TEST(BusFrame, an_unknown_frame_is_kept_as_it_came) {
  for (const std::uint32_t stream : {0u, 5u}) {
    const Octets bytes = framed(0x1a, 0xff, stream, as_bytes("\0\xff\x80"sv));
    const Frame frame = read_frame(bytes, default_bounds).value();
    EXPECT_TRUE(frame == (Frame{stream, Unknown{0x1a, 0xff, as_bytes("\0\xff\x80"sv)}}));
    EXPECT_EQ(encoded(frame), bytes);
  }
}

TEST(BusFrame, a_length_that_reaches_beyond_its_frame_is_refused) {
  struct Case {
    std::string_view label;
    std::size_t at;  // of four bytes of length or count
    std::string_view note;
  };
  const Case cases[] = {
      {"connect_token_s3cret", 18, "Connect: token: cut off"},
      {"connect_error_version_with_msg", 13, "ConnectError: text: cut off"},
      {"subscribe_two_schemas", 10, "Subscribe: topic: cut off"},
      {"subscribe_two_schemas", 20, "Subscribe: schema ids: cut off"},
      {"publish_with_key", 10, "Publish: topic: cut off"},
      {"publish_with_key", 20, "Publish: envelope: cut off"},
      {"publish_with_key", 56, "Publish: causality: cut off"},
      {"publish_with_key", 62, "Publish: payload: cut off"},
      {"publish_with_key", 68, "Publish: key: cut off"},
      {"publish_causal", 56, "Publish: parent: cut off"},
      {"accept", 10, "Accept: message id: cut off"},
      {"push", 18, "Push: payload: cut off"},
      {"worker_register_node_none", 10, "WorkerRegister: namespaces: cut off"},
      {"worker_register_node_none", 14, "WorkerRegister: namespaces: cut off"},
      {"worker_register_node_none", 31, "WorkerRegister: activity types: cut off"},
      {"worker_register_ack_rejected", 11, "WorkerRegisterAck: status: cut off"},
  };
  for (const Case& each : cases) {
    for (const int high : {0x01, 0x7f, 0xff}) {
      const Malformed malformed = fault_of(changed(each.label, each.at, static_cast<std::uint8_t>(high)));
      EXPECT_EQ(malformed.fault, Fault::field_cut_off) << each.label << each.at;
      EXPECT_EQ(malformed.note, each.note);
    }
  }
}

TEST(BusFrame, the_parts_of_an_envelope_fill_it) {
  // The envelope of 46 bytes is said to have 47, the last of them that of the length of the key.
  EXPECT_EQ(fault_of(changed("publish_with_key", 23, 0x2d)).note, "Publish: envelope: 1 bytes more than its fields");
  // It has 43: its payload, of 2, is cut off.
  EXPECT_EQ(fault_of(changed("publish_with_key", 23, 0x2b)).note, "Publish: payload: cut off");
  // Causality has 3 bytes instead of 2.
  const Malformed longer = fault_of(changed("publish_with_key", 59, 3));
  EXPECT_EQ(longer.note, "Publish: causality: 1 bytes more than its fields");
  EXPECT_EQ(longer.fault, Fault::bytes_left);
  const Malformed shorter = fault_of(changed("publish_with_key", 59, 1));
  EXPECT_EQ(shorter.note, "Publish: clock: cut off");
  EXPECT_EQ(shorter.fault, Fault::field_cut_off);
  EXPECT_EQ(fault_of(changed("publish_with_key", 65, 1)).note, "Publish: envelope: 1 bytes more than its fields");
}

TEST(BusFrame, an_option_begins_with_0_or_1) {
  struct Case {
    std::string_view label;
    std::size_t at;
    std::string_view name;
  };
  const Case cases[] = {
      {"connect_error_auth_no_msg", 12, "ConnectError: text"},
      {"subscribe_error_schema", 12, "SubscribeError: text"},
      {"publish_error_ffff", 12, "PublishError: text"},
      {"publish_causal", 55, "Publish: parent"},
      {"publish_causal", 63, "Publish: clock"},
      {"conversation_close_reason_msg", 18, "ConversationClose: reason"},
      {"conversation_close_reason_msg", 21, "ConversationClose: text"},
      {"conversation_error", 20, "ConversationError: text"},
      {"defer_reason", 17, "Defer: reason"},
      {"reject_no_reason", 17, "Reject: reason"},
      {"worker_register_node_none", 30, "WorkerRegister: node"},
  };
  for (const Case& each : cases) {
    for (const int tag : {2, 0x80, 0xff}) {
      const Malformed malformed = fault_of(changed(each.label, each.at, static_cast<std::uint8_t>(tag)));
      EXPECT_EQ(malformed.fault, Fault::option_tag) << each.label;
      EXPECT_TRUE(malformed.note.starts_with(each.name)) << malformed.note;
      EXPECT_TRUE(malformed.note.ends_with(", neither 00 nor 01")) << malformed.note;
    }
  }
}

TEST(BusFrame, a_worker_is_accepted_or_rejected) {
  for (const int status : {2, 0x7f, 0xff}) {
    const Malformed malformed = fault_of(changed("worker_register_ack_ok", 10, static_cast<std::uint8_t>(status)));
    EXPECT_EQ(malformed.fault, Fault::status);
    EXPECT_EQ(reason_of(malformed.fault), Reason::malformed);
  }
  EXPECT_EQ(fault_of(changed("worker_register_ack_ok", 10, 0x7f)).note,
            "WorkerRegisterAck: status: 7f, neither 00 nor 01");
}

TEST(BusFrame, texts_are_utf8) {
  struct Case {
    std::string_view label;
    std::size_t at;
    std::string_view name;
  };
  const Case cases[] = {
      {"connect_error_version_with_msg", 17, "ConnectError: text"},
      {"subscribe_no_schema", 14, "Subscribe: topic"},
      {"subscribe_error_schema", 17, "SubscribeError: text"},
      {"publish_with_key", 14, "Publish: topic"},
      {"publish_with_key", 72, "Publish: key"},
      {"publish_causal", 61, "Publish: parent"},
      {"publish_error_ffff", 17, "PublishError: text"},
      {"conversation_open", 22, "ConversationOpen: subject"},
      {"conversation_close_reason_msg", 26, "ConversationClose: text"},
      {"conversation_error", 25, "ConversationError: text"},
      {"accept", 14, "Accept: message id"},
      {"defer_reason", 22, "Defer: reason"},
      {"reject_no_reason", 14, "Reject: message id"},
      {"worker_register_node_none", 18, "WorkerRegister: namespaces"},
      {"worker_register_node_none", 29, "WorkerRegister: task queue"},
      {"worker_register_node_none", 39, "WorkerRegister: activity types"},
      {"worker_register_node_none", 49, "WorkerRegister: identity"},
      {"worker_register_ack_rejected", 15, "WorkerRegisterAck: status"},
  };
  for (const Case& each : cases) {
    for (const int byte : {0x80, 0xc0, 0xff}) {
      const Malformed malformed = fault_of(changed(each.label, each.at, static_cast<std::uint8_t>(byte)));
      EXPECT_EQ(malformed.fault, Fault::not_utf8) << each.label;
      EXPECT_EQ(malformed.note, std::string(each.name) + ": not UTF-8");
    }
  }
  for (const std::string_view text : {"\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "\xc3"sv, "\xe0\x80\x80"sv}) {
    EXPECT_EQ(fault_of_text(0x10, 1, "\0\0\0"s + static_cast<char>(text.size()) + std::string(text)).fault,
              Fault::not_utf8);
  }
  const Octets beyond_ascii = encoded({1, ConversationOpen{1, "rechnung/m\xc3\xbcnchen \xf0\x9f\xa6\x80"}});
  EXPECT_EQ(std::get<ConversationOpen>(read_frame(beyond_ascii, default_bounds)->body).subject,
            "rechnung/m\xc3\xbcnchen \xf0\x9f\xa6\x80");
}

TEST(BusFrame, tokens_and_payloads_are_any_bytes) {
  const std::string_view bytes = "\0\xff\x80\xc0"sv;
  const Frame frames[] = {
      {0, Connect{{1, 0}, {1, 0}, as_bytes(bytes)}},
      {1, Push{~std::uint64_t{0}, as_bytes(bytes)}},
      {1, Deliver{~std::uint64_t{0}, {.schema = {}, .causality = {}, .payload = as_bytes(bytes)}}},
  };
  for (const Frame& frame : frames) {
    const Octets encoding = encoded(frame);
    EXPECT_TRUE(read_frame(encoding, default_bounds).value() == frame);
  }
}

TEST(BusFrame, a_subscriber_wants_something) {
  const Malformed malformed = fault_of_text(0x05, 1, "\0\0\0\1c\0\0\0\0\0\0\0\0"sv);
  EXPECT_EQ(malformed.fault, Fault::nothing_wanted);
  EXPECT_EQ(malformed.note, "Subscribe: number in flight: 0");
}

TEST(BusFrame, reasons_that_have_no_name_pass) {
  const Octets bytes = changed("conversation_error", 18, 0x12);
  const Frame frame = read_frame(bytes, default_bounds).value();
  EXPECT_EQ(std::get<ConversationError>(frame.body).reason, static_cast<Reason>(0x12ff));
  EXPECT_EQ(encoded(frame), bytes);
}

TEST(BusFrame, lists_are_bounded) {
  Subscribe subscribe{"t", std::vector<SchemaId>(Bounds{}.schemas_max), 1};
  EXPECT_TRUE(read_frame(encoded({1, subscribe}), default_bounds));
  subscribe.schemas.emplace_back();
  const Malformed malformed = fault_of(encoded({1, subscribe}));
  EXPECT_EQ(malformed.fault, Fault::too_many);
  EXPECT_EQ(malformed.note, "Subscribe: schema ids: 257, where 256 are taken");

  WorkerRegister worker{.namespaces = {"a", "b"}, .activity_types = {"c", "d", "e"}};
  const Octets bytes = encoded({0, worker});
  EXPECT_TRUE(read_frame(bytes, {.names_max = 3}));
  EXPECT_EQ(fault_of(bytes, {.names_max = 2}).note, "WorkerRegister: activity types: 3, where 2 are taken");
  EXPECT_EQ(fault_of(bytes, {.names_max = 1}).note, "WorkerRegister: namespaces: 2, where 1 are taken");
  EXPECT_EQ(fault_of(bytes, {.names_max = 0}).fault, Fault::too_many);
}

TEST(BusFrame, the_longest_frame_passes_and_one_byte_more_does_not) {
  const Octets bytes = golden("push");
  EXPECT_TRUE(read_frame(bytes, {.frame_bytes_max = bytes.size()}));
  const Malformed malformed = fault_of(bytes, {.frame_bytes_max = bytes.size() - 1});
  EXPECT_EQ(malformed.fault, Fault::frame_too_large);
  EXPECT_EQ(malformed.note, "Push: a body of 16 bytes, in frames of at most 25");
  // The head is enough to know.
  EXPECT_EQ(fault_of(ByteView(bytes).first(head_bytes), {.frame_bytes_max = 25}).fault, Fault::frame_too_large);
}

TEST(BusFrame, a_frame_that_no_peer_takes_is_not_written) {
  BlockPool pool(64);
  OutBuffer out(pool);
  const Frame frame{1, Push{1, as_bytes("work")}};
  const Result<void> put = put_frame(out, frame, {.frame_bytes_max = 25});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error(), (Error{Code::too_large, "Push: a frame of 26 bytes, where 25 pass"}));
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(put_frame(out, frame, {.frame_bytes_max = 26}));
  EXPECT_TRUE(put_frame(out, {0, Ping{}}, {.frame_bytes_max = 26}));
  EXPECT_EQ(to_hex(out.pending()), to_hex(golden("push")) + to_hex(golden("ping")));
}

// As liminal-sdk 0.20.23 sends it, to whoever has selected 1.0 too.
TEST(BusFrame, a_worker_may_say_what_its_activities_take_and_give) {
  const Octets bytes = from_hex(
      "17000000000000000042000000010000000764656661756c7400000004776f726b000000000100000004776f726b000000027731"
      "0000000100000004776f726b000000027b7d000000025b5d");
  WorkerRegister worker{{"default"}, "work", std::nullopt, {"work"}, "w1", {{{"work", "{}", "[]"}}}};
  EXPECT_TRUE(read_frame(bytes, default_bounds).value() == (Frame{0, worker}));
  EXPECT_EQ(encoded({0, worker}), bytes);

  worker.activities.emplace();
  const Octets none = encoded({0, worker});
  EXPECT_TRUE(read_frame(none, default_bounds).value() == (Frame{0, worker}));
  worker.activities.reset();
  EXPECT_EQ(encoded({0, worker}).size() + 4, none.size());

  worker.activities = {{"a", "{}", "{}"}, {"b", "{}", "{}"}};
  EXPECT_EQ(fault_of(encoded({0, worker}), {.names_max = 1}).note, "WorkerRegister: activities: 2, where 1 are taken");
  const auto body = [&](std::size_t size) { return fault_of(with_body(bytes, ByteView(bytes).subspan(10, size))); };
  EXPECT_EQ(body(45).note, "WorkerRegister: activities: cut off");
  EXPECT_EQ(body(57).note, "WorkerRegister: activities: cut off") << "shorter than an activity of nothing";
  EXPECT_EQ(body(59).note, "WorkerRegister: input of an activity: cut off");
  EXPECT_EQ(body(65).note, "WorkerRegister: output of an activity: cut off");
  Octets longer = bytes;
  longer[head_bytes + 49] = 200;
  EXPECT_EQ(fault_of(longer).note, "WorkerRegister: name of an activity: cut off");
  longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(fault_of(with_body(longer, ByteView(longer).subspan(head_bytes))).note,
            "WorkerRegister: body: 1 bytes more than its fields");
}

TEST(BusFrameDeathTest, what_this_end_must_not_say_stops_it) {
  BlockPool pool(64);
  OutBuffer out(pool);
  const auto put = [&](const Frame& frame) { (void)put_frame(out, frame, default_bounds); };
  EXPECT_DEATH(put({1, Ping{}}), "fits_stream");
  EXPECT_DEATH(put({0, Publish{}}), "fits_stream");
  EXPECT_DEATH(put({1, Subscribe{.topic = "t", .in_flight_max = 0}}), "count != 0");
  EXPECT_DEATH(put({0, Unknown{.type = 0x13}}), "is_known");
}

}  // namespace
}  // namespace parley::wire::bus
