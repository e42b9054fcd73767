#include "core/mcp/server.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "codec/base64.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/directory/name.h"
#include "core/mcp/members.h"
#include "core/mcp/tool_name.h"
#include "core/mcp/tool_text.h"

namespace parley::core::mcp {
namespace {

using codec::JsonKind;
using codec::JsonObject;
using wire::mcp::Version;

constexpr std::size_t peer_text_bytes_max = 256;
constexpr std::size_t reason_bytes_max = 1024;
constexpr std::string_view cursor_begin = "after:";

std::string cursor_after(std::string_view command) {
  std::string cursor;
  codec::put_base64(cursor, as_bytes(std::string(cursor_begin) + std::string(command)));
  return cursor;
}

// Nothing, for what is no cursor of ours.
std::optional<std::string> read_cursor(std::string_view cursor) {
  std::vector<std::uint8_t> bytes;
  if (!codec::get_base64(cursor, bytes)) return std::nullopt;
  std::string_view text = as_text(bytes);
  if (!text.starts_with(cursor_begin)) return std::nullopt;
  text.remove_prefix(cursor_begin.size());
  if (!tool_name(text)) return std::nullopt;
  return std::string(text);
}

}  // namespace

Server::Taken Server::on_message(std::string_view text, std::uint64_t stream, Effects& effects) {
  if (state_ == State::ended) return Taken::refused;
  const auto message = wire::mcp::parse_message(text, options_.message);
  if (!message) {
    const wire::mcp::Refusal& refusal = message.error();
    return refuse(refusal.id, refusal.code, refusal.text, stream, effects);
  }
  switch (message->kind) {
    case Message::Kind::request: return on_request(*message, stream, effects);
    case Message::Kind::notification: on_notification(*message, effects); return Taken::notification;
    case Message::Kind::response:
    case Message::Kind::error: break;
  }
  ++counters_.responses_unexpected;
  return Taken::response;
}

Server::Taken Server::on_request(const Message& message, std::uint64_t stream, Effects& effects) {
  if (message.method == "initialize") return initialize(message, stream, effects);
  if (message.method == "ping") {
    answer(message.id, "{}", stream, effects);
    return Taken::request;
  }
  if (state_ == State::begun) {
    return refuse(message.id, wire::mcp::invalid_request, "`initialize` comes first", stream, effects);
  }
  if (tokens_.contains(message.id)) {
    // An answer under this id would be taken for that of the request which has it.
    return refuse({}, wire::mcp::invalid_request, "this id is that of a request without a response", stream, effects);
  }
  if (message.method == "tools/list") {
    list(message, stream, effects);
  } else if (message.method == "tools/call") {
    call(message, stream, effects);
  } else {
    ++counters_.methods_unknown;
    answer_error(message.id, wire::mcp::method_not_found,
                 fmt::format("no such method: {}; this server has tools/list and tools/call", message.method), stream,
                 effects);
  }
  return Taken::request;
}

Server::Taken Server::initialize(const Message& message, std::uint64_t stream, Effects& effects) {
  if (state_ != State::begun) {
    return refuse(message.id, wire::mcp::invalid_request, "the session is initialized already", stream, effects);
  }
  const JsonObject params = object_of(message.params);
  const std::string asked = text_member(params, "protocolVersion");
  if (asked.empty()) {
    answer_error(message.id, wire::mcp::invalid_params, "`protocolVersion` is missing", stream, effects);
    return Taken::request;
  }
  version_ = wire::mcp::read_version(asked).value_or(wire::mcp::version_latest);
  const JsonObject info = object_member(params, "clientInfo");
  peer_.name = text_member(info, "name", peer_text_bytes_max);
  peer_.title = text_member(info, "title", peer_text_bytes_max);
  peer_.version = text_member(info, "version", peer_text_bytes_max);
  state_ = State::answered;
  answer(message.id, introduction(), stream, effects);
  return Taken::request;
}

std::string Server::introduction() const {
  std::string out = fmt::format(R"({{"protocolVersion":"{}","capabilities":{{"tools":{{"listChanged":true}}}})",
                                wire::mcp::to_string(version_));
  out += R"(,"serverInfo":{"name":)";
  codec::put_quoted(out, options_.self.name);
  if (!options_.self.title.empty() && version_ >= Version::v2025_06_18) put_member(out, "title", options_.self.title);
  put_member(out, "version", options_.self.version);
  out += '}';
  if (!options_.instructions.empty()) put_member(out, "instructions", options_.instructions);
  out += '}';
  return out;
}

void Server::list(const Message& message, std::uint64_t stream, Effects& effects) {
  const JsonObject params = object_of(message.params);
  std::string after;
  if (has_member(params, "cursor")) {
    std::optional<std::string> read = read_cursor(text_member(params, "cursor"));
    if (!read) {
      return answer_error(message.id, wire::mcp::invalid_params, "this is no cursor of this list", stream, effects);
    }
    after = *std::move(read);
  }
  if (!has_room(message, stream, effects)) return;
  if (after.empty()) {
    is_list_current_ = true;
    change_waits_ = false;
  }
  const std::uint64_t token = add({.id = message.id, .stream = stream, .after = std::move(after)});
  effects.push_back(ListTools{token});
}

void Server::call(const Message& message, std::uint64_t stream, Effects& effects) {
  const JsonObject params = object_of(message.params);
  if (!find_member(params, "name", JsonKind::string)) {
    return answer_error(message.id, wire::mcp::invalid_params, "`name` is missing", stream, effects);
  }
  const std::string tool = text_member(params, "name");
  const std::optional<std::string> command = command_name(tool);
  if (!command || is_private(*command)) {
    return answer_error(message.id, wire::mcp::invalid_params,
                        fmt::format("unknown tool: {}", codec::quoted_start(tool)), stream, effects);
  }
  const std::string_view* arguments = find_member(params, "arguments", JsonKind::object);
  if (!arguments && has_member(params, "arguments")) {
    return answer_error(message.id, wire::mcp::invalid_params, "`arguments` is no object", stream, effects);
  }
  if (!has_room(message, stream, effects)) return;

  CallTool called{.command = *command, .stream = stream};
  codec::append_compact(called.arguments, arguments ? *arguments : "{}");
  Request request{.id = message.id, .stream = stream, .is_call = true, .command = *command};
  if (const std::string_view* meta = find_member(params, "_meta", JsonKind::object)) {
    codec::append_compact(called.meta, *meta);
    const JsonObject members = object_of(*meta);
    if (const std::string_view* token = members.find("progressToken")) {
      request.progress_token = wire::mcp::read_id(*token);
    }
  }
  called.wants_progress = !request.progress_token.empty();
  called.token = add(std::move(request));
  effects.push_back(std::move(called));
}

void Server::on_notification(const Message& message, Effects& effects) {
  if (message.method == "notifications/initialized") {
    if (state_ != State::answered) return;
    state_ = State::open;
    if (std::exchange(change_waits_, false)) say_changed(effects);
  } else if (message.method == "notifications/cancelled") {
    cancel(message.params, effects);
  }
}

void Server::cancel(std::string_view params, Effects& effects) {
  const JsonObject object = object_of(params);
  const std::string_view* id = object.find("requestId");
  const auto found = id ? tokens_.find(wire::mcp::read_id(*id)) : tokens_.end();
  if (found == tokens_.end()) {
    ++counters_.cancels_too_late;
    return;
  }
  const auto at = requests_.find(found->second);
  PARLEY_ASSERT(at != requests_.end());
  const std::uint64_t stream = at->second.stream;
  if (at->second.is_call) {
    effects.push_back(CancelTool{at->first, text_member(object, "reason", reason_bytes_max)});
  }
  requests_.erase(at);
  tokens_.erase(found);
  effects.push_back(Unanswered{stream});
}

void Server::tools(std::uint64_t token, std::span<const Tool> tools, Effects& effects) {
  const std::optional<Request> request = take(token, false);
  if (!request) return;
  answer(request->id, page(tools, request->after), request->stream, effects);
}

std::string Server::page(std::span<const Tool> tools, std::string_view after) {
  std::map<std::string_view, std::pair<std::string, const Tool*>> listed;  // by the names of the commands
  for (const Tool& tool : tools) {
    std::optional<std::string> name = tool_name(tool.name);
    if (name && !is_private(tool.name)) listed.try_emplace(tool.name, *std::move(name), &tool);
  }
  // Told once for a list, on its first page.
  if (after.empty()) counters_.tools_unlisted += tools.size() - listed.size();

  std::string out = R"({"tools":[)";
  auto at = after.empty() ? listed.begin() : listed.upper_bound(after);
  for (std::size_t count = 0; at != listed.end() && count < options_.page_tools; ++count, ++at) {
    const auto& [name, tool] = at->second;
    const std::size_t before = out.size();
    if (count != 0) out += ',';
    put_tool(out, *tool, name, version_);
    if (count == 0 || out.size() <= options_.page_bytes) continue;
    out.resize(before);
    break;
  }
  out += ']';
  if (at != listed.end()) {
    PARLEY_ASSERT(at != listed.begin());
    put_member(out, "nextCursor", cursor_after(std::prev(at)->first));
  }
  out += '}';
  return out;
}

void Server::progress(std::uint64_t token, double done, std::optional<double> total, std::string_view message,
                      Effects& effects) {
  const auto found = requests_.find(token);
  const bool is_wanted = found != requests_.end() && !found->second.progress_token.empty();
  if (!is_wanted || !std::isfinite(done) || (found->second.progress_last && done <= *found->second.progress_last)) {
    ++counters_.progress_dropped;
    return;
  }
  Request& request = found->second;
  request.progress_last = done;
  std::string params = fmt::format(R"({{"progressToken":{},"progress":{})", request.progress_token, done);
  if (total && std::isfinite(*total)) fmt::format_to(std::back_inserter(params), R"(,"total":{})", *total);
  if (!message.empty() && version_ >= Version::v2025_03_26) {
    put_member(params, "message", codec::to_utf8(message, reason_bytes_max));
  }
  params += '}';
  effects.push_back(Send{wire::mcp::encode_notification("notifications/progress", params), request.stream, false});
}

void Server::finished(std::uint64_t token, const ToolResult& result, std::string_view output_schema, Effects& effects) {
  const std::optional<Request> request = take(token, true);
  if (!request) return;
  if (result.kind == ToolResult::Kind::unknown_tool) {
    std::string why = fmt::format("unknown tool: {}", codec::quoted_start(request->command));
    if (!result.message.empty()) why += fmt::format("; did you mean {}?", codec::quoted_start(result.message));
    return answer_error(request->id, wire::mcp::invalid_params, why, request->stream, effects);
  }
  if (result.kind == ToolResult::Kind::invalid_arguments && version_ < Version::v2025_11_25) {
    return answer_error(request->id, wire::mcp::invalid_params, codec::to_utf8(result.message, reason_bytes_max),
                        request->stream, effects);
  }
  std::optional<std::string> text = result_of(result, output_schema);
  if (!text) {
    ++counters_.results_malformed;
    text = failure_result(to_string(Kind::bug), "what the tool gave back is no result", output_schema, version_);
  }
  answer(request->id, *text, request->stream, effects);
}

// Nothing, where it is none.
std::optional<std::string> Server::result_of(const ToolResult& result, std::string_view output_schema) {
  switch (result.kind) {
    case ToolResult::Kind::value: return value_result(result.json, output_schema, version_);
    case ToolResult::Kind::content: return content_result(result.json);
    case ToolResult::Kind::failed: return failure_result(result.code, result.message, output_schema, version_);
    case ToolResult::Kind::invalid_arguments:
      return failure_result(to_string(Kind::invalid), result.message, output_schema, version_);
    case ToolResult::Kind::nothing:
    case ToolResult::Kind::unknown_tool: break;
  }
  return nothing_result();
}

void Server::tools_changed(Effects& effects) {
  if (state_ == State::answered) change_waits_ = true;
  if (state_ != State::open) return;
  if (!is_list_current_) {
    ++counters_.changes_unsaid;
    return;
  }
  say_changed(effects);
}

void Server::say_changed(Effects& effects) {
  is_list_current_ = false;
  effects.push_back(Send{wire::mcp::encode_notification("notifications/tools/list_changed", {}), 0, false});
}

void Server::end(Effects& effects) {
  state_ = State::ended;
  for (const auto& [token, request] : requests_) {
    if (request.is_call) effects.push_back(CancelTool{token, "the session has ended"});
  }
  requests_.clear();
  tokens_.clear();
}

bool Server::has_room(const Message& message, std::uint64_t stream, Effects& effects) {
  if (requests_.size() < options_.requests_max) return true;
  ++counters_.requests_overloaded;
  answer_error(message.id, wire::mcp::overloaded,
               fmt::format("overloaded: {} requests at once are answered; try again later", options_.requests_max),
               stream, effects);
  return false;
}

std::uint64_t Server::add(Request request) {
  const std::uint64_t token = next_token_++;
  const bool is_new = tokens_.emplace(request.id, token).second;
  PARLEY_ASSERT(is_new);
  requests_.emplace(token, std::move(request));
  return token;
}

std::optional<Server::Request> Server::take(std::uint64_t token, bool is_call) {
  const auto found = requests_.find(token);
  if (found == requests_.end()) {
    ++counters_.results_late;
    return std::nullopt;
  }
  PARLEY_ASSERT(found->second.is_call == is_call, token);
  Request request = std::move(found->second);
  requests_.erase(found);
  tokens_.erase(request.id);
  return request;
}

void Server::answer(std::string_view id, std::string_view result, std::uint64_t stream, Effects& effects) {
  effects.push_back(Send{wire::mcp::encode_response(id, result), stream, true});
}

void Server::answer_error(std::string_view id, std::int64_t code, std::string_view text, std::uint64_t stream,
                          Effects& effects) {
  effects.push_back(Send{wire::mcp::encode_error(id, code, text), stream, true});
}

Server::Taken Server::refuse(std::string_view id, std::int64_t code, std::string_view text, std::uint64_t stream,
                             Effects& effects) {
  ++counters_.messages_refused;
  answer_error(id, code, text, stream, effects);
  return Taken::refused;
}

}  // namespace parley::core::mcp
