// Messages of JSON-RPC, a line each, in sequence to a server and a client of MCP: what begins with `<` is for the
// client only, with `>` for the server only. Lines that begin with `!` are what happens above: changed, progress,
// finish, time, end. Each machine says nothing but messages, in one line each; a request gets one response at most, a
// call ends once.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "core/directory/name.h"
#include "core/mcp/client.h"
#include "core/mcp/server.h"
#include "core/mcp/tool_name.h"
#include "wire/mcp/jsonrpc.h"

namespace {

using namespace parley;
using namespace parley::core::mcp;
using wire::mcp::Message;

constexpr std::size_t requests_max = 4;
constexpr std::string_view object_schema = R"({"type":"object"})";

void check_message(std::string_view text) {
  const auto message = wire::mcp::parse_message(text);
  if (!message) {
    PARLEY_ASSERT(!message.error().text.empty() && message.error().code <= -32600);
    return;
  }
  std::string again;
  switch (message->kind) {
    case Message::Kind::request:
      again = wire::mcp::encode_request(message->id, message->method, message->params);
      break;
    case Message::Kind::notification: again = wire::mcp::encode_notification(message->method, message->params); break;
    case Message::Kind::response: again = wire::mcp::encode_response(message->id, message->result); break;
    case Message::Kind::error:
      again = wire::mcp::encode_error(message->id, message->code, message->text, message->data);
      break;
  }
  const auto same = wire::mcp::parse_message(again);
  PARLEY_ASSERT(same.has_value() && same->kind == message->kind && same->id == message->id);
  PARLEY_ASSERT(same->method == message->method && same->params == message->params);
  PARLEY_ASSERT(same->result == message->result && same->text == message->text && same->code == message->code);
}

Message sent(const std::string& text) {
  PARLEY_ASSERT(text.find('\n') == std::string::npos && text.find('\r') == std::string::npos);
  const auto message = wire::mcp::parse_message(text, {.bytes_max = std::size_t{1} << 24, .depth_max = 128});
  PARLEY_ASSERT(message.has_value(), text);
  return *message;
}

std::vector<Tool> some_tools() {
  std::vector<Tool> tools(5);
  const char* const names[] = {"a", "fs/read", "_secret", "b", "a"};
  for (std::size_t i = 0; i < tools.size(); ++i) tools[i].name = names[i];
  tools[0].title = "A";
  tools[0].is_read_only = true;
  tools[1].output_schema = object_schema;
  tools[1].input_schema = R"({"properties":{}})";
  return tools;
}

class ServerRun {
 public:
  void say(std::string_view text) {
    const Server::Taken taken = server_.on_message(text, ++stream_, effects_);
    if (taken == Server::Taken::request || taken == Server::Taken::refused) streams_.insert(stream_);
    settle();
  }
  void happen(std::string_view what) {
    if (what == "changed") server_.tools_changed(effects_);
    if (what == "end") {
      server_.end(effects_);
      is_ended_ = true;
    }
    for (const Server::CallTool& call : calls_) {
      if (what == "progress") server_.progress(call.token, ++done_, 1e300, "\xff half", effects_);
    }
    if (what == "finish") {
      for (const Server::CallTool& call : std::exchange(calls_, {})) finish(call);
    }
    settle();
  }

 private:
  // By the name and the arguments, one of all that may come of a call.
  void finish(const Server::CallTool& call) {
    const auto done = [&](const ToolResult& result, std::string_view schema) {
      server_.finished(call.token, result, schema, effects_);
    };
    if (call.command == "gone") return done(ToolResult::unknown_tool(), {});
    if (call.command == "wrong") return done(ToolResult::invalid_arguments("no"), {});
    if (call.command == "fails") return done(ToolResult::failed(Error{Code::in_use, call.arguments}), {});
    if (call.command == "void") return done(ToolResult::nothing(), {});
    if (call.command == "raw") return done(ToolResult::content("[" + call.arguments + "]"), {});
    done(ToolResult::value(call.arguments), call.command == "fs/read" ? object_schema : std::string_view());
  }
  void settle() {
    while (!effects_.empty()) {
      for (const auto& effect : std::exchange(effects_, {})) take(effect);
      PARLEY_ASSERT(server_.in_flight() <= requests_max);
    }
  }
  void take(const Server::Effect& effect) {
    PARLEY_ASSERT(!is_ended_ || std::holds_alternative<Server::CancelTool>(effect));
    if (const auto* send = std::get_if<Server::Send>(&effect)) {
      const Message message = sent(send->text);
      const bool is_answer = message.kind == Message::Kind::response || message.kind == Message::Kind::error;
      PARLEY_ASSERT(is_answer == send->is_last);
      if (is_answer) PARLEY_ASSERT(streams_.erase(send->stream) == 1, send->stream);
    } else if (const auto* over = std::get_if<Server::Unanswered>(&effect)) {
      PARLEY_ASSERT(streams_.erase(over->stream) == 1, over->stream);
    } else if (const auto* list = std::get_if<Server::ListTools>(&effect)) {
      server_.tools(list->token, tools_, effects_);
    } else if (const auto* call = std::get_if<Server::CallTool>(&effect)) {
      PARLEY_ASSERT(!core::is_private(call->command));
      const auto name = tool_name(call->command);
      PARLEY_ASSERT(!name || command_name(*name) == call->command);
      calls_.push_back(*call);
    }
  }

  Server server_{{.self = {"fuzz", "", "1"}, .requests_max = requests_max, .page_tools = 2}};
  Server::Effects effects_;
  std::vector<Tool> tools_ = some_tools();
  std::vector<Server::CallTool> calls_;
  std::set<std::uint64_t> streams_;  // of requests without a response
  std::uint64_t stream_ = 0;
  double done_ = 0;
  bool is_ended_ = false;
};

class ClientRun {
 public:
  ClientRun() {
    client_.begin(now_, effects_);
    settle();
  }
  void say(std::string_view text) {
    client_.on_message(text, now_, effects_);
    settle();
  }
  void happen(std::string_view what) {
    if (what == "end") client_.end({Code::link_lost, ""}, effects_);
    if (what == "finish" && !calls_.empty()) client_.cancel(*calls_.begin(), "enough", effects_);
    if (what == "time" && !client_.next_deadline().is_never()) {
      now_ = client_.next_deadline();
      client_.on_time(now_, effects_);
      PARLEY_ASSERT(client_.next_deadline() > now_);
    }
    settle();
    PARLEY_ASSERT(what != "end" || calls_.empty());
  }

 private:
  void settle() {
    while (!effects_.empty()) {
      for (const auto& effect : std::exchange(effects_, {})) take(effect);
      PARLEY_ASSERT(client_.in_flight() == calls_.size());
    }
  }
  void take(const Client::Effect& effect) {
    if (const auto* send = std::get_if<Client::Send>(&effect)) {
      PARLEY_ASSERT((sent(send->text).kind == Message::Kind::request) == (send->request != 0));
    } else if (const auto* finished = std::get_if<Client::Finished>(&effect)) {
      PARLEY_ASSERT(calls_.erase(finished->call) == 1, finished->call);
      if (finished->value) sent(R"({"jsonrpc":"2.0","id":1,"result":)" + *finished->value + "}");
    } else if (const auto* tools = std::get_if<Client::Tools>(&effect)) {
      PARLEY_ASSERT(tools->tools.size() <= 8);
      for (const Tool& tool : tools->tools) {
        const auto id = client_.call(tool.name, "{}", {now_ + std::chrono::seconds(9), true, R"({"a":1})"}, effects_);
        if (id) calls_.insert(*id);
      }
    }
  }

  Client client_{{.self = {"fuzz", "", "1"}, .calls_max = 16, .pages_max = 4, .tools_max = 8}};
  Client::Effects effects_;
  std::set<std::uint64_t> calls_;
  Instant now_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  ServerRun server;
  ClientRun client;
  std::string_view left(reinterpret_cast<const char*>(data), size);
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const std::string line(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    std::string_view text = line;
    const char whom = text.empty() ? '\0' : text.front();
    if (whom == '<' || whom == '>' || whom == '!') text.remove_prefix(1);
    if (whom == '!') {
      server.happen(text);
      client.happen(text);
      continue;
    }
    check_message(text);
    if (whom != '<') server.say(text);
    if (whom != '>') client.say(text);
  }
  server.happen("finish");
  server.happen("end");
  client.happen("end");
  return 0;
}
