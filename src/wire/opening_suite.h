#pragma once

#include <string_view>
#include <vector>

#include "wire/opening.h"

// What the tests of the door's rule share.
namespace parley::wire {

inline Opening opening_of(std::string_view bytes) { return read_opening(as_bytes(bytes)).opening; }

// A beginning of each protocol, as its peers write it.
struct Sample {
  Opening opening;
  std::string_view bytes;
};

inline const std::vector<Sample>& samples() {
  using std::string_view_literals::operator""sv;
  static const std::vector<Sample> all{
      {Opening::roam, "\x06\0\0\0\0\0\x07\0\x40\0"sv},
      {Opening::roam_stable, "\x19\0\0\0ROCH\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv},
      {Opening::vox, "\x08\0\0\0VOTH\x09\0\0\0"sv},
      {Opening::bus, "\x01\0\0\0\0\0\0\0\0\x0c\0\x01\0\0\0\x01\0\0\0\0\0\0"sv},
      {Opening::bus, "\x13\0\0\0\0\0\0\0\0\0"sv},
      {Opening::tls, "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"sv},
      {Opening::command, R"({"id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","type":"list.commands.request"})"sv},
      {Opening::mcp, R"({"method":"initialize","params":{"type":1,"kind":2},"jsonrpc":"2.0","id":0})"sv},
      {Opening::hostpipe, R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42})"sv},
      {Opening::hostpipe, R"({"event":"window_opened","version":7})"sv},
      {Opening::hostpipe, R"({"cmd":"register","pid":17})"sv},
      {Opening::http, "GET /cmds.json HTTP/1.1\r\nHost: localhost\r\n\r\n"sv},
  };
  return all;
}

}  // namespace parley::wire
