#include "wire/opening_refusal.h"

#include <string_view>

namespace parley::wire {
namespace {

using namespace std::literals;

// TransportReject in its frame: version 9, reason 1 (this mode is not supported).
constexpr std::string_view of_vox =
    "\x08\0\0\0"
    "VOTR"
    "\x09\x01\0\0"sv;

// ConnectError on stream 0: reason ffff (of the server, as its text says), then the text behind a 1.
constexpr std::string_view of_bus =
    "\x03\0\0\0\0\0\0\0\0\x58"
    "\xff\xff"
    "\x01\0\0\0\x51"
    "The bus protocol is not served at this address yet. Connect with a Parley client."sv;

// A fatal alert: handshake_failure.
constexpr std::string_view of_tls =
    "\x15\x03\x03\0\x02"
    "\x02\x28"sv;

constexpr std::string_view of_mcp = R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":)"
                                    R"("MCP is not served at this address yet. Connect with a Parley client."}})"
                                    "\n";

constexpr std::string_view of_http =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 70\r\n"
    "Connection: close\r\n"
    "\r\n"
    "HTTP is not served at this address yet. Connect with a Parley client.\n";

std::string_view text_of(Opening opening) {
  switch (opening) {
    case Opening::vox: return of_vox;
    case Opening::bus: return of_bus;
    case Opening::tls: return of_tls;
    case Opening::mcp: return of_mcp;
    case Opening::http: return of_http;
    case Opening::roam:
    case Opening::roam_stable:
    case Opening::command:
    case Opening::hostpipe:
    case Opening::undecided:
    case Opening::unknown: return {};
  }
  return {};
}

}  // namespace

ByteView refusal_of(Opening opening) { return as_bytes(text_of(opening)); }

}  // namespace parley::wire
