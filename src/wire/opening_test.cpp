#include "wire/opening.h"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "codec/json.h"
#include "wire/opening_suite.h"
#include "wire/roam/message_suite.h"

namespace parley::wire {
namespace {

using namespace std::literals;
using roam::Octets;

TEST(Opening, each_protocol_is_known_by_its_beginning) {
  for (const Sample& sample : samples()) {
    EXPECT_EQ(opening_of(sample.bytes), sample.opening) << to_string(sample.opening) << ' ' << sample.bytes;
  }
}

TEST(Opening, eight_bytes_decide_for_all_but_json_and_seven_for_none) {
  for (const Sample& sample : samples()) {
    const bool is_json = sample.bytes.front() == '{';
    for (std::size_t size = 0; size < opening_head_bytes; ++size) {
      const OpeningRead read = read_opening(as_bytes(sample.bytes.substr(0, size)));
      EXPECT_EQ(read.opening, Opening::undecided) << to_string(sample.opening) << size;
      EXPECT_EQ(read.more, opening_head_bytes - size);
    }
    const OpeningRead read = read_opening(as_bytes(sample.bytes.substr(0, opening_head_bytes)));
    if (!is_json) EXPECT_EQ(read, (OpeningRead{sample.opening, 0}));
  }
  EXPECT_EQ(read_opening(as_bytes(R"({"cmd":)")), (OpeningRead{Opening::undecided, 1}));
  EXPECT_EQ(read_opening(as_bytes(R"({"cmd":")")), (OpeningRead{Opening::hostpipe, 0}));
  EXPECT_EQ(read_opening(as_bytes(R"({"id":"17","type")")), (OpeningRead{Opening::undecided, 1}));
}

TEST(Opening, a_roam_of_another_version_is_roam_and_its_session_answers) {
  EXPECT_EQ(opening_of("\x06\0\0\0\0\0\x06\0\x40\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("\x06\0\0\0\0\0\x08\0\x40\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("\x07\0\0\0\0\0\xff\x01\0\x40\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("\x06\0\0\0\0\0\0\0\x40\0"sv), Opening::unknown) << "a version 0 there is not";
}

TEST(Opening, a_roam_that_begins_with_another_message_or_connection_is_unknown) {
  EXPECT_EQ(opening_of("\x06\0\0\0\0\x07\x01\0\0\0"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x06\0\0\0\x02\0\x07\0\x40\0"sv), Opening::unknown);
  // Longer forms of zero are no opening either: nobody writes them, and they would cost the rule its edges.
  EXPECT_EQ(opening_of("\x07\0\0\0\x80\0\0\x07\0\x40\0"sv), Opening::unknown);
}

TEST(Opening, a_hello_whose_length_is_not_its_own_is_unknown) {
  EXPECT_EQ(opening_of("\x18\0\0\0ROCH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x1a\0\0\0ROCH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x19\0\0\0ROSH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x19\0\0\0VOTH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x08\0\0\0ROCH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x09\0\0\0VOTH"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x08\0\0\0VOTA"sv), Opening::unknown);
}

TEST(Opening, a_bus_that_begins_with_another_frame_or_on_a_stream_is_unknown) {
  EXPECT_EQ(opening_of("\x05\0\0\0\0\x01\0\0\0\x12"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x04\0\0\0\0\0\0\0\0\0"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x01\0\0\0\0\x01\0\0\0\x0c"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x13\0\x01\0\0\0\0\0\0\0"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x13\xff\0\0\0\0\0\0\0\0"sv), Opening::bus) << "flags that a frame does not know are ignored";
}

TEST(Opening, tls_is_a_handshake_record_of_version_3_1_to_3_3) {
  EXPECT_EQ(opening_of("\x16\x03\x01\x00\xc8\x01\x00\x00"sv), Opening::tls);
  EXPECT_EQ(opening_of("\x16\x03\x02\x00\xc8\x01\x00\x00"sv), Opening::tls);
  EXPECT_EQ(opening_of("\x16\x03\x03\x40\x00\x01\x00\x00"sv), Opening::tls);
  EXPECT_EQ(opening_of("\x16\x03\x00\x00\xc8\x01\x00\x00"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x16\x03\x04\x00\xc8\x01\x00\x00"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x16\x02\x01\x00\xc8\x01\x00\x00"sv), Opening::unknown);
  EXPECT_EQ(opening_of("\x15\x03\x01\x00\x02\x02\x28\x00"sv), Opening::unknown) << "an alert";
}

TEST(Opening, http_is_a_method_in_capitals_and_one_blank) {
  for (const std::string_view method :
       {"GET"sv, "HEAD"sv, "POST"sv, "PUT"sv, "DELETE"sv, "CONNECT"sv, "OPTIONS"sv, "TRACE"sv, "PATCH"sv}) {
    EXPECT_EQ(opening_of(std::string(method) + " / HTTP/1.1\r\n"), Opening::http) << method;
    EXPECT_EQ(opening_of(std::string(method) + "/ HTTP/1.1\r\n"), Opening::unknown) << method;
    EXPECT_EQ(opening_of(std::string(method) + "\t/ HTTP/1.1\r\n"), Opening::unknown) << method;
    EXPECT_EQ(opening_of(std::string(method) + "S / HTTP/1.1\r\n"), Opening::unknown) << method;
  }
  EXPECT_EQ(opening_of("get / HTTP/1.1\r\n"), Opening::unknown);
  EXPECT_EQ(opening_of("PRI * HTTP/2.0\r\n"), Opening::unknown);
  EXPECT_EQ(opening_of("HTTP/1.1 200 OK\r\n"), Opening::unknown);
}

// How many bytes are looked at before the rest no longer matters.
std::size_t refused_after(std::string_view bytes) {
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    if (opening_of(bytes.substr(0, size)) == Opening::unknown) return size;
  }
  ADD_FAILURE() << bytes;
  return 0;
}

TEST(Opening, what_no_protocol_begins_with_is_refused_before_the_eighth_byte) {
  // The first two bytes may be any, as the length of a roam opening; blanks and marks in front are no exception.
  EXPECT_EQ(refused_after(" {\"type\":\"event\"}"), 3u);
  EXPECT_EQ(refused_after("\n{\"type\":\"event\"}"), 3u);
  EXPECT_EQ(refused_after("\xef\xbb\xbf{\"type\":\"event\"}"), 3u);
  EXPECT_EQ(refused_after("\r\nGET / HTTP/1.1\r\n"), 3u);
  EXPECT_EQ(refused_after("SSH-2.0-OpenSSH_9.2\r\n"), 3u);
  EXPECT_EQ(refused_after("[{\"jsonrpc\":\"2.0\"}]"), 3u);
  EXPECT_EQ(refused_after("GEX"), 3u);
  EXPECT_EQ(refused_after("GETS"), 4u);
  EXPECT_EQ(refused_after("{}\n"), 3u);
  EXPECT_EQ(refused_after("{\"a\"}"), 5u);
  EXPECT_EQ(refused_after("\x19\0\0\0ROSH"sv), 7u);
  EXPECT_EQ(refused_after("\x07\0\x02"sv), 3u);
  EXPECT_EQ(refused_after("\x07\0\x01"sv), 3u);
  EXPECT_EQ(refused_after("\0\0\x01\x01"sv), 4u);
}

TEST(Opening, an_object_is_known_only_where_it_cannot_be_a_length) {
  // 0x227b is a length that a roam opening may have, 0x7d7b another.
  EXPECT_EQ(opening_of("{\"\0\0\0\0\x07\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("{}\0\0\0\0\x07\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("{x"), Opening::undecided);
  EXPECT_EQ(opening_of("{x\0\0\0\0\x07\0"sv), Opening::roam);
  EXPECT_EQ(opening_of("{x\"type\":1"), Opening::unknown);
}

// An object whose first key that counts is complete after `size` bytes.
std::string object_of(std::size_t size) {
  const std::string_view front = "{\"id\":\"";
  const std::string_view back = "\",\"type\":";
  return std::string(front) + std::string(size - front.size() - back.size(), 'x') + std::string(back);
}

TEST(Opening, a_key_is_looked_for_in_the_first_64_KiB) {
  EXPECT_EQ(opening_of(object_of(opening_bytes_max)), Opening::command);
  EXPECT_EQ(opening_of(object_of(opening_bytes_max + 1)), Opening::unknown);
  const std::string last = object_of(opening_bytes_max + 1).substr(0, opening_bytes_max);
  EXPECT_EQ(read_opening(as_bytes(last)), (OpeningRead{Opening::unknown, 0}));
  EXPECT_EQ(read_opening(as_bytes(last).first(opening_bytes_max - 1)), (OpeningRead{Opening::undecided, 1}));
}

TEST(Opening, without_the_limits_the_rule_would_be_ambiguous) {
  const auto roam_of = [](std::uint32_t length, std::uint8_t version) {
    std::string bytes;
    for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>(length >> (8 * i));
    return bytes + std::string{0, 0, static_cast<char>(version), 0};
  };
  // The longest roam opening is roam; one byte more is refused ...
  EXPECT_EQ(opening_of(roam_of(0xffff, 7)), Opening::roam);
  EXPECT_EQ(opening_of(roam_of(0x10000, 7)), Opening::roam);
  EXPECT_EQ(opening_of(roam_of(0x10001, 7)), Opening::unknown);
  // ... because a Hello of 66 326 bytes is, byte for byte, a record of TLS 3.1, and longer ones are HTTP or JSON.
  EXPECT_EQ(opening_of(roam_of(0x010316, 7)), Opening::tls);
  EXPECT_EQ(roam_of(0x20544547, 7).substr(0, 4), "GET ");
  EXPECT_EQ(opening_of(roam_of(0x20544547, 7)), Opening::http);
  EXPECT_EQ(roam_of(0x7974227b, 7).substr(0, 4), "{\"ty");

  // A bus Connect of 112 MiB has the eight bytes of a roam Hello of one byte, of version 7; a Ping with as much, of 19
  // bytes. With flags they are lengths of 256 times the flags more. Below 16 MiB the place of the version is zero.
  const std::string_view connect = "\x01\0\0\0\0\0\x07\0\0\0"sv;
  EXPECT_EQ(connect.substr(0, 8), roam_of(1, 7));
  EXPECT_EQ(opening_of(connect), Opening::roam);
  EXPECT_EQ("\x13\0\0\0\0\0\x07\0\0\0"sv.substr(0, 8), roam_of(19, 7));
  EXPECT_EQ(opening_of(roam_of(19, 7)), Opening::roam);
  EXPECT_EQ(opening_of(roam_of(0x2a01, 1)), Opening::roam) << "or a Connect of 16 MiB with flags 2a";
  EXPECT_EQ(opening_of("\x01\x2a\0\0\0\0\0\xff\xff\xff"sv), Opening::bus) << "the longest";
}

TEST(Opening, golden_hellos_of_roam_are_roam) {
  const Octets hello = roam::read_vector("roam-7.1/wire-v7/message_hello.bin");
  EXPECT_EQ(read_opening(roam::in_frame(hello)).opening, Opening::roam);
  // Nothing else that a roam peer may send is an opening.
  for (const std::string name :
       {"hello_yourself", "protocol_error", "connection_open", "request_call", "channel_item"}) {
    const Octets other = roam::read_vector("roam-7.1/wire-v7/message_" + name + ".bin");
    EXPECT_EQ(read_opening(roam::in_frame(other)).opening, Opening::unknown) << name;
  }
}

// The first message of a recording that goes to the server, in its frame.
Octets first_sent(const std::string& path) {
  const Octets text = roam::read_vector(path);
  const std::string line(text.begin(), std::ranges::find(text, '\n'));
  EXPECT_TRUE(line.starts_with("C>S ")) << path;
  return roam::in_frame(roam::from_hex(line.substr(line.rfind(' ') + 1)));
}

TEST(Opening, recorded_peers_are_known_by_the_first_message_that_they_sent) {
  for (const std::string name : {"echo", "sum", "generate", "create_canvas", "process_message", "shape_area"}) {
    EXPECT_EQ(read_opening(first_sent("roam-7.1/traffic/" + name + ".txt")).opening, Opening::roam) << name;
  }
  for (const std::string name : {"echo", "stable_sum", "generate", "divide_success"}) {
    EXPECT_EQ(read_opening(first_sent("vox-head/traffic/" + name + ".txt")).opening, Opening::vox) << name;
  }
}

TEST(Opening, golden_frames_of_the_bus_open_it_when_they_are_connect_or_ping) {
  for (const std::string_view hex :
       {"0100000000000000000c000100000001000000000000"sv, "01000000000000000012000100000002000100000006733363726574"sv,
        "13000000000000000000"sv, "13ff0000000000000000"sv}) {
    EXPECT_EQ(read_opening(roam::from_hex(hex)).opening, Opening::bus) << hex;
  }
  for (const std::string_view hex : {"020000000000000000080001000000000000"sv, "04000000000000000000"sv,
                                     "05000000000100000012000000066f72646572730000000000000400"sv,
                                     "14000000000000000000"sv, "7f090000000000000003010203"sv}) {
    EXPECT_EQ(read_opening(roam::from_hex(hex)).opening, Opening::unknown) << hex;
  }
}

struct Vector {
  std::string json;
};

TEST(Opening, every_golden_command_message_opens_with_commands) {
  for (const std::string name :
       {"event", "execute-command-request", "execute-command-response-error", "execute-command-response-success",
        "list-commands-request", "list-commands-response", "register-command-request", "register-command-response-err",
        "register-command-response-ok"}) {
    const Octets text = roam::read_vector("cmd-ipc/encoding/" + name + ".json");
    const auto vector = codec::from_json<Vector>(as_text(text), {.ignores_unknown_fields = true});
    ASSERT_TRUE(vector) << name;
    EXPECT_EQ(opening_of(vector->json), Opening::command) << name;
  }
}

TEST(Opening, each_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(Opening::unknown); ++i) {
    const std::string_view name = to_string(static_cast<Opening>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), name.npos) << name;
  }
  EXPECT_EQ(to_string(Opening::roam_stable), "roam_stable");
}

}  // namespace
}  // namespace parley::wire
