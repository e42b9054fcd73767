#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/scope.h"
#include "core/mcp/server.h"
#include "core/policy/pattern.h"
#include "runtime/commands/registry.h"

namespace parley::runtime {

// Where the messages of a session of MCP go.
class McpSessionEvents {
 public:
  // A message for the peer, in one line without its end. `stream` is what the request came along with that it belongs
  // to, 0: none; `is_last`: it is the response.
  virtual void on_mcp_message(std::uint64_t stream, std::string text, bool is_last) = 0;
  // The request that came along with `stream` was cancelled by the peer, and gets no response.
  virtual void on_mcp_unanswered(std::uint64_t stream) { static_cast<void>(stream); }

 protected:
  ~McpSessionEvents() = default;
};

// One agent at a registry: the registry's public commands are its tools, and its calls run here. Owned by whoever
// carries its messages, on the registry's loop, and outlived by both. end() and the destructor cancel what runs;
// nothing is said afterwards. Not destroyed from inside of one of its commands: bury it.
class McpSession {
 public:
  struct Options {
    core::mcp::Server::Options server = {};
    std::shared_ptr<const core::Rights> rights = {};  // of the peer; null: all
    // The commands that are tools of this session fit one of these; none: all that the peer may call.
    std::vector<core::Pattern> only = {};
  };
  McpSession(Registry& registry, McpSessionEvents& events, Options options);
  ~McpSession();
  McpSession(const McpSession&) = delete;
  McpSession& operator=(const McpSession&) = delete;

  using Taken = core::mcp::Server::Taken;
  // One of the peer's. `stream` is the carrier's word for where the answer goes.
  Taken on_message(std::string_view text, std::uint64_t stream = 0);
  // Idempotent.
  void end();

  const core::mcp::Server& server() const { return server_; }
  std::size_t calls() const { return running_.size(); }

 private:
  using Server = core::mcp::Server;
  // A call of a tool. It is buried when it ends, because what runs in it may be what ends it; then it has no session.
  struct Running final : Mortal {
    Running(McpSession& owner, Executor& executor) : session(&owner), scope(executor) {}
    McpSession* session;
    Scope scope;
  };

  void carry_out(Server::Effects effects);
  void start(Server::CallTool call);
  static Task<void> run(Running& running, Server::CallTool call);
  ExecuteOptions options_of(const Server::CallTool& call, Running& running) const;
  void finish(std::uint64_t token, const core::mcp::ToolResult& result, std::string_view output_schema);
  void stop(std::uint64_t token);
  bool is_wanted(std::string_view name) const;
  bool may_call(std::string_view command) const;
  // What is said of one that is none of its tools.
  core::mcp::ToolResult unknown(std::string_view command) const;
  std::vector<core::mcp::Tool> tools() const;
  void on_progress(std::uint64_t token, std::string_view content);

  Registry& registry_;
  McpSessionEvents& events_;
  const Options options_;
  Server server_;
  Subscription changes_;
  std::map<std::uint64_t, std::unique_ptr<Running>> running_;
};

}  // namespace parley::runtime
