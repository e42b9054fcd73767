#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "io/loop.h"
#include "io/stream.h"
#include "wire/mcp/version.h"

namespace parley::runtime {

class McpLinkEvents {
 public:
  virtual void on_link_message(std::string_view text) = 0;
  // No response to that request can come.
  virtual void on_link_failed(std::uint64_t request, const Error& why) = 0;
  // The server is gone. Once, and never from inside a call of the link.
  virtual void on_link_gone(Error why) = 0;

 protected:
  ~McpLinkEvents() = default;
};

// What carries the messages of a client of MCP to its server and back. Owned by whoever speaks, on its loop; destroying
// it cuts the server off.
class McpLink {
 public:
  virtual ~McpLink() = default;
  // `events` outlives the link.
  virtual void start(McpLinkEvents& events) = 0;
  // `request`: the number of the request that it is; 0: none.
  virtual void send(std::string text, std::uint64_t request) = 0;
  // Nobody waits for that request any more: what is held for it here is let go. `text` tells the server, if it may have
  // heard of the request.
  virtual void cancel(std::uint64_t request, std::string text) = 0;
  // The server has introduced itself.
  virtual void on_introduced(wire::mcp::Version version) { static_cast<void>(version); }
  // Takes leave, and ends when the server knows, or does not answer in time.
  virtual Task<void> leave() = 0;
};

// One message a line over a byte stream: standard input and output of a process.
std::unique_ptr<McpLink> mcp_line_link(io::Loop& loop, std::unique_ptr<io::Stream> stream);

// Streamable HTTP at a URL. `token`: goes along as Authorization: Bearer; empty: none. Errors: those of
// Loop::http_client().
Result<std::unique_ptr<McpLink>> mcp_http_link(io::Loop& loop, const std::string& url, std::string token = {});
// The same by way of a client that opens so many connections at once.
inline constexpr std::size_t mcp_connections_max = 64;
std::unique_ptr<McpLink> mcp_http_link(io::Loop& loop, std::unique_ptr<io::HttpClient> client, std::string token = {});

}  // namespace parley::runtime
