#include "wire/opening_refusal.h"

#include <string>
#include <string_view>
#include <variant>

#include <gtest/gtest.h>

#include "codec/json.h"
#include "wire/frame.h"

namespace parley::wire {
namespace {

using namespace std::literals;

std::string_view refusal_text(Opening opening) { return as_text(refusal_of(opening)); }

// The only message of a refusal that is in a frame.
std::string_view message_of(Opening opening) {
  const FrameScan scan = scan_frame(refusal_of(opening), opening_bytes_max);
  EXPECT_EQ(scan.status, FrameScan::Status::whole);
  EXPECT_EQ(scan.size, refusal_of(opening).size());
  return as_text(scan.message);
}

TEST(OpeningRefusal, there_is_none_where_the_session_answers_or_no_language_is_shared) {
  EXPECT_TRUE(refusal_of(Opening::roam).empty());
  EXPECT_TRUE(refusal_of(Opening::undecided).empty());
  EXPECT_TRUE(refusal_of(Opening::unknown).empty());
  EXPECT_TRUE(refusal_of(Opening::hostpipe).empty());
  for (const Opening opening : {Opening::vox, Opening::bus, Opening::tls, Opening::mcp, Opening::http}) {
    EXPECT_FALSE(refusal_of(opening).empty()) << to_string(opening);
  }
}

TEST(OpeningRefusal, vox_gets_a_reject_of_its_version_for_an_unsupported_mode) {
  EXPECT_EQ(message_of(Opening::vox), "VOTR\x09\x01\0\0"sv);
}

TEST(OpeningRefusal, the_bus_gets_a_connect_error_with_a_text) {
  const std::string_view frame = refusal_text(Opening::bus);
  const auto number = [&](std::size_t at, std::size_t size) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum = sum << 8 | static_cast<std::uint8_t>(frame[at + i]);
    return sum;
  };
  ASSERT_GT(frame.size(), 17u);
  EXPECT_EQ(number(0, 1), 3u) << "ConnectError";
  EXPECT_EQ(number(1, 5), 0u) << "no flags, stream 0";
  EXPECT_EQ(number(6, 4), frame.size() - 10);
  EXPECT_EQ(number(10, 2), 0xffffu);
  EXPECT_EQ(number(12, 1), 1u);
  EXPECT_EQ(number(13, 4), frame.size() - 17);
  EXPECT_TRUE(frame.substr(17).starts_with("The bus protocol is not served"));
}

TEST(OpeningRefusal, tls_gets_a_fatal_alert) { EXPECT_EQ(refusal_text(Opening::tls), "\x15\x03\x03\0\x02\x02\x28"sv); }

// One line, and the line itself.
std::string_view line_of(Opening opening) {
  const std::string_view text = refusal_text(opening);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  return text.substr(0, text.size() - 1);
}

struct JsonRpcError {
  int code = 0;
  std::string message;
};
struct JsonRpcRefusal {
  std::string jsonrpc;
  std::monostate id;
  JsonRpcError error;
};

TEST(OpeningRefusal, mcp_gets_an_error_to_no_request) {
  const auto refusal = codec::from_json<JsonRpcRefusal>(line_of(Opening::mcp));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->jsonrpc, "2.0");
  EXPECT_EQ(refusal->error.code, -32000);
  EXPECT_TRUE(refusal->error.message.starts_with("MCP is not served"));
}

TEST(OpeningRefusal, http_gets_a_503_whose_length_is_that_of_its_text) {
  const std::string_view answer = refusal_text(Opening::http);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  const std::size_t end = answer.find("\r\n\r\n");
  ASSERT_NE(end, answer.npos);
  const std::string_view body = answer.substr(end + 4);
  EXPECT_NE(answer.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"), answer.npos);
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), answer.npos);
  EXPECT_TRUE(body.starts_with("HTTP is not served"));
}

TEST(OpeningRefusal, a_refusal_of_lines_is_itself_of_that_protocol) {
  EXPECT_EQ(read_opening(refusal_of(Opening::mcp)).opening, Opening::mcp);
}

}  // namespace
}  // namespace parley::wire
