#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "hub/counters.h"
#include "hub/mcp_web_session.h"
#include "hub/web.h"

namespace parley::hub {

struct McpPagesOptions {
  std::size_t sessions_max = 256;
  std::size_t sessions_of_one_max = 64;          // of one principal
  Duration idle_max = std::chrono::minutes(30);  // without a request or a stream; a call alone does not count
  Duration beat = std::chrono::seconds(25);      // between two signs of life on a stream
  McpWebSession::Options session = {.session = {}, .streams = {.bytes_in_all = std::size_t{2} << 20}};
};

// MCP for agents, streamable HTTP at one path: POST takes a message, GET reads what the server says by itself or what a
// broken connection has missed, DELETE ends the session. The commands that the caller may call are the tools. A session
// belongs to whom has opened it: to everybody else it is not there. On the hub's loop, outlived by the registry; the
// tasks of its pages die before it.
class McpPages final : private McpWebSessionEvents {
 public:
  McpPages(Registry& registry, McpPagesOptions options);
  ~McpPages();
  McpPages(const McpPages&) = delete;
  McpPages& operator=(const McpPages&) = delete;

  void add_to(Web& web, const std::string& path);
  Task<void> post(io::HttpExchange& exchange, WebCaller caller);
  Task<void> get(io::HttpExchange& exchange, WebCaller caller);
  Task<void> remove(io::HttpExchange& exchange, WebCaller caller);

  std::size_t session_count() const { return sessions_.size(); }
  const McpPagesCounters& counters() const { return counters_; }
  // Ends all sessions. Idempotent.
  void close();

 private:
  using Sessions = std::map<std::string, std::unique_ptr<McpWebSession>, std::less<>>;
  struct Clock final : Timer {
    explicit Clock(McpPages& owner) : Timer(&Clock::fire), pages(owner) {}
    static void fire(Timer& timer) {
      McpPages& pages = static_cast<Clock&>(timer).pages;
      if (!pages.due_.is_linked()) pages.loop_.executor().post(pages.due_);
    }
    McpPages& pages;
  };
  struct Due final : Ready {
    explicit Due(McpPages& owner) : Ready(&Due::run), pages(owner) {}
    static void run(Ready& node) { static_cast<Due&>(node).pages.on_time(); }
    McpPages& pages;
  };

  // Null: it was answered with what is wrong.
  McpWebSession* session_of(io::HttpExchange& exchange, const WebCaller& caller);
  McpWebSession* open(io::HttpExchange& exchange, WebCaller caller);
  bool make_room(const core::Principal& principal);
  void end(Sessions::iterator session);
  void on_mcp_readers(McpWebSession& session) override;
  void on_time();
  void arm();

  Registry& registry_;
  io::Loop& loop_;
  McpPagesOptions options_;
  McpPagesCounters counters_;
  Sessions sessions_;  // by their ids
  Instant next_beat_ = Instant::never();
  Clock clock_{*this};
  Due due_{*this};
};

}  // namespace parley::hub
