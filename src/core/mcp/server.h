#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "core/mcp/tool.h"
#include "wire/mcp/jsonrpc.h"
#include "wire/mcp/version.h"

namespace parley::core::mcp {

// The server's side of one MCP session: tools, nothing else. Owned by whoever carries its messages, one line or one
// HTTP body each, and who does what its effects say, in their order. It knows no tools: it asks for the list and for
// each call, under a token, and is told the outcome when there is one. Time-outs are of those above; the peer's own
// cancellations come as effects. Nothing is said after end().
class Server {
 public:
  struct Options {
    Implementation self;
    std::string instructions = {};       // for the agent; may be empty
    std::size_t requests_max = 128;      // of the peer's at once; beyond: error -32000
    std::size_t page_tools = 100;        // on one page of the list
    std::size_t page_bytes = 512 << 10;  // the same in bytes; one tool may be longer
    wire::mcp::MessageBounds message;
  };
  explicit Server(Options options) : options_(std::move(options)) {}

  // A message for the peer, in one line without its end.
  struct Send {
    std::string text;
    // What came along with the request that it belongs to, see on_message(). 0: the session's own stream.
    std::uint64_t stream = 0;
    bool is_last = false;  // the response: nothing more belongs to that request
  };
  // Wants tools() with all tools of this session's principal, at once or later.
  struct ListTools {
    std::uint64_t token = 0;
  };
  // Wants finished(), and before it progress() as often as there is some.
  struct CallTool {
    std::uint64_t token = 0;
    std::string command = {};    // the name of the command; never a private one
    std::string arguments = {};  // a JSON object, in one line
    bool wants_progress = false;
    std::string meta = {};  // the request's _meta: a JSON object, or empty
    std::uint64_t stream = 0;
  };
  // The peer does not want it any more. Its token is dead: what is said of it from now on is dropped.
  struct CancelTool {
    std::uint64_t token = 0;
    std::string reason;  // may be empty
  };
  // A request that came along with `stream` gets no response: the peer has cancelled it.
  struct Unanswered {
    std::uint64_t stream = 0;
  };
  using Effect = std::variant<Send, ListTools, CallTool, CancelTool, Unanswered>;
  using Effects = std::vector<Effect>;

  // What a message was. HTTP answers requests on a stream of their own or with one response, what is refused with
  // status 400, and all else with 202.
  enum class Taken : std::uint8_t { request, notification, response, refused };
  // `stream` is the carrier's word for where the answer goes: the same in all that belongs to a request of this
  // message. Carriers with one stream for all leave it at 0.
  Taken on_message(std::string_view text, std::uint64_t stream, Effects& effects);

  // All tools that the peer may see, in any order; private ones and those without a name that fits are left out, and
  // of equal names the first counts.
  void tools(std::uint64_t token, std::span<const Tool> tools, Effects& effects);
  // Of a call whose peer wants it. Only what is above the last one is said.
  void progress(std::uint64_t token, double done, std::optional<double> total, std::string_view message,
                Effects& effects);
  // `output_schema` is that of the tool: it decides what of a value is structured content.
  void finished(std::uint64_t token, const ToolResult& result, std::string_view output_schema, Effects& effects);
  // The list is another one than it was. The peer is told once until it has asked for it again.
  void tools_changed(Effects& effects);
  // The peer is gone or the session is ended: its calls are cancelled.
  void end(Effects& effects);

  // Since the peer's initialize was answered.
  bool is_initialized() const { return state_ != State::begun && state_ != State::ended; }
  // Of the session; the latest until then.
  wire::mcp::Version version() const { return version_; }
  const Implementation& peer() const { return peer_; }
  std::size_t in_flight() const { return requests_.size(); }

  struct Counters {
    std::uint64_t messages_refused = 0;  // no JSON, no JSON-RPC, out of place
    std::uint64_t methods_unknown = 0;
    std::uint64_t requests_overloaded = 0;
    std::uint64_t responses_unexpected = 0;  // there is nothing that this side asks
    std::uint64_t cancels_too_late = 0;      // of what had been answered, or was never asked
    std::uint64_t results_late = 0;          // of what had been cancelled
    std::uint64_t results_malformed = 0;     // no JSON, or no content items
    std::uint64_t progress_dropped = 0;      // not above the last, not asked for, no number
    std::uint64_t tools_unlisted = 0;        // private, or without a name that fits, or named as another
    std::uint64_t changes_unsaid = 0;        // the peer knew that its list was old
  };
  const Counters& counters() const { return counters_; }

 private:
  using Message = wire::mcp::Message;
  enum class State : std::uint8_t {
    begun,
    answered,  // initialize; what the peer says next should be that it is initialized
    open,
    ended,
  };
  struct Request {
    std::string id = {};
    std::uint64_t stream = 0;
    bool is_call = false;
    std::string command = {};
    std::string after = {};           // of a list: the tool behind which its page begins
    std::string progress_token = {};  // empty: none is wanted
    std::optional<double> progress_last = {};
  };

  Taken on_request(const Message& message, std::uint64_t stream, Effects& effects);
  void on_notification(const Message& message, Effects& effects);
  Taken initialize(const Message& message, std::uint64_t stream, Effects& effects);
  std::string introduction() const;
  void list(const Message& message, std::uint64_t stream, Effects& effects);
  void call(const Message& message, std::uint64_t stream, Effects& effects);
  void cancel(std::string_view params, Effects& effects);
  std::string page(std::span<const Tool> tools, std::string_view after);
  std::optional<std::string> result_of(const ToolResult& result, std::string_view output_schema);

  // False: it was answered so.
  bool has_room(const Message& message, std::uint64_t stream, Effects& effects);
  std::uint64_t add(Request request);
  std::optional<Request> take(std::uint64_t token, bool is_call);
  static void answer(std::string_view id, std::string_view result, std::uint64_t stream, Effects& effects);
  static void answer_error(std::string_view id, std::int64_t code, std::string_view text, std::uint64_t stream,
                           Effects& effects);
  Taken refuse(std::string_view id, std::int64_t code, std::string_view text, std::uint64_t stream, Effects& effects);
  void say_changed(Effects& effects);

  Options options_;
  State state_ = State::begun;
  wire::mcp::Version version_ = wire::mcp::version_latest;
  Implementation peer_;
  std::uint64_t next_token_ = 1;
  std::map<std::uint64_t, Request> requests_;
  std::map<std::string, std::uint64_t, std::less<>> tokens_;  // by the peer's ids
  bool is_list_current_ = true;                               // as far as the peer has been told
  bool change_waits_ = false;                                 // to be said when the peer is ready for it
  Counters counters_;
};

}  // namespace parley::core::mcp
