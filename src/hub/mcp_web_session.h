#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/wait.h"
#include "core/mcp/streams.h"
#include "core/policy/policy.h"
#include "io/http.h"
#include "runtime/commands/mcp_session.h"

namespace parley::hub {

class McpWebSession;

// A request of HTTP that waits for messages of a session. It is part of the task of its page: dropping it leaves the
// session, which goes on.
class McpReader {
 public:
  explicit McpReader(io::HttpExchange& exchange) : exchange_(exchange) {}
  ~McpReader();
  McpReader(const McpReader&) = delete;
  McpReader& operator=(const McpReader&) = delete;

  // Set when it was answered whole, or there is nothing more to read.
  Event over;

 private:
  friend class McpWebSession;
  io::HttpExchange& exchange_;
  McpWebSession* session_ = nullptr;  // while it reads a stream
  std::uint64_t stream_ = 0;
};

class McpWebSessionEvents {
 public:
  // A reader has come or gone.
  virtual void on_mcp_readers(McpWebSession& session) = 0;

 protected:
  ~McpWebSessionEvents() = default;
};

// One session of MCP over HTTP: which answer belongs to which request, who reads which stream, and what was sent, so
// that a client whose connection broke gets the rest. A connection that breaks ends no call. Owned by the pages, on the
// hub's loop; end() and the destructor end its streams and cancel its calls.
class McpWebSession final : public Mortal, private runtime::McpSessionEvents {
 public:
  struct Options {
    runtime::McpSession::Options session = {};
    core::mcp::Streams::Bounds streams = {};
  };
  McpWebSession(Registry& registry, McpWebSessionEvents& events, std::string id, core::Principal principal,
                Options options);
  ~McpWebSession() override;

  const std::string& id() const { return id_; }
  const core::Principal& principal() const { return principal_; }
  bool is_initialized() const { return session_.server().is_initialized(); }
  bool is_idle() const { return readers_.empty() && session_.calls() == 0; }
  bool is_read() const { return !readers_.empty(); }
  Instant used_at() const { return used_at_; }

  // What a client has posted. It is answered at once, or the reader is given a stream that ends with the response.
  void post(std::string_view body, McpReader& reader);
  // The session's own stream, or the rest of the one that the event belongs to; whoever read it before is done. Errors:
  // arguments and not_found, of an event; there is no answer then.
  Result<void> read(McpReader& reader, const std::string* last_event_id);
  // So that links do not look dead, and dead ones are found.
  void beat();
  // Idempotent.
  void end();

 private:
  friend class McpReader;
  struct Asked {
    McpReader* reader = nullptr;          // until post() is over
    std::optional<std::uint64_t> stream;  // it has got one
  };

  void on_mcp_message(std::uint64_t ticket, std::string text, bool is_last) override;
  void on_mcp_unanswered(std::uint64_t ticket) override;
  void say_on_own(const std::string& text);
  void open_stream(Asked& asked);
  void begin(McpReader& reader, std::uint64_t stream);
  void send(std::uint64_t stream, std::string_view event);
  void finish(std::uint64_t stream);
  void leave(McpReader& reader);
  void answer(McpReader& reader, io::HttpResponse response);

  const std::string id_;
  const core::Principal principal_;
  McpWebSessionEvents& events_;
  io::Loop& loop_;
  const core::mcp::Streams::Bounds bounds_;
  std::optional<core::mcp::Streams> streams_;  // once the version is known
  std::uint64_t last_ticket_ = 0;
  std::uint64_t posting_ = 0;                    // the ticket of what is being posted
  std::optional<std::string> answer_;            // to it
  std::map<std::uint64_t, Asked> asked_;         // requests without a response, by their tickets
  std::map<std::uint64_t, McpReader*> readers_;  // by their streams
  std::string unread_;                           // the last event of our own stream, when nobody read it
  Instant used_at_;
  runtime::McpSession session_;
};

// An answer that is an error of JSON-RPC.
io::HttpResponse mcp_error_response(unsigned status, std::int64_t code, std::string_view text,
                                    std::string_view request_id = {});

}  // namespace parley::hub
