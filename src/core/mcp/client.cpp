#include "core/mcp/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/mcp/members.h"
#include "core/mcp/reply.h"

namespace parley::core::mcp {
namespace {

using codec::JsonKind;
using codec::JsonObject;

constexpr std::size_t peer_text_bytes_max = 256;
constexpr std::size_t long_text_bytes_max = std::size_t{64} << 10;

// 0 for what is no number of ours.
std::uint64_t read_number(std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  return error == std::errc() && end == id.data() + id.size() ? number : 0;
}

}  // namespace

void Client::begin(Instant now, Effects& effects) {
  PARLEY_ASSERT(state_ == State::idle);
  state_ = State::introduced;
  introduction_ = next_id_++;
  own_deadline_ = now + options_.handshake_max;
  std::string params = fmt::format(R"({{"protocolVersion":"{}","capabilities":{{}},"clientInfo":{{"name":)",
                                   wire::mcp::to_string(wire::mcp::version_latest));
  codec::put_quoted(params, options_.self.name);
  if (!options_.self.title.empty()) put_member(params, "title", options_.self.title);
  put_member(params, "version", options_.self.version);
  params += "}}";
  effects.push_back(
      Send{wire::mcp::encode_request(std::to_string(introduction_), "initialize", params), introduction_});
}

void Client::on_message(std::string_view text, Instant now, Effects& effects) {
  PARLEY_ASSERT(state_ != State::idle);
  if (state_ == State::ended) return;
  const auto message = wire::mcp::parse_message(text, options_.message);
  if (!message) {
    ++counters_.messages_malformed;
    return;
  }
  switch (message->kind) {
    case Message::Kind::request: return on_request(*message, effects);
    case Message::Kind::notification: return on_notification(*message, now, effects);
    case Message::Kind::response:
    case Message::Kind::error: return on_response(*message, now, effects);
  }
}

void Client::on_request(const Message& message, Effects& effects) {
  if (message.method == "ping") {
    effects.push_back(Send{wire::mcp::encode_response(message.id, "{}"), 0});
    return;
  }
  ++counters_.requests_refused;
  effects.push_back(
      Send{wire::mcp::encode_error(message.id, wire::mcp::method_not_found, "this client serves nothing but ping"), 0});
}

void Client::on_response(const Message& message, Instant now, Effects& effects) {
  const std::uint64_t number = read_number(message.id);
  if (state_ == State::introduced && number == introduction_) return on_introduced(message, now, effects);
  if (listing_ && number == listing_->request) return on_page(message, now, effects);
  if (const auto call = calls_.find(number); call != calls_.end()) {
    return finish(call, value_of(call->second, message), effects);
  }
  ++(number != 0 && number < next_id_ ? counters_.responses_late : counters_.responses_unknown);
}

void Client::on_request_failed(std::uint64_t request, Error why, Instant now, Effects& effects) {
  if (state_ == State::introduced && request == introduction_) return fail_session(std::move(why), effects);
  if (listing_ && request == listing_->request) return end_list(fail(std::move(why)), now, effects);
  if (const auto call = calls_.find(request); call != calls_.end()) finish(call, fail(std::move(why)), effects);
}

void Client::on_introduced(const Message& message, Instant now, Effects& effects) {
  if (message.kind == Message::Kind::error) return fail_session(read_failure(message, true), effects);
  const JsonObject result = object_of(message.result);
  const std::string named = text_member(result, "protocolVersion");
  const std::optional<wire::mcp::Version> version = wire::mcp::read_version(named);
  if (!version) {
    return fail_session(
        {Code::version, fmt::format("the server speaks MCP {}; spoken here are 2024-11-05 to {}",
                                    codec::quoted_start(named), wire::mcp::to_string(wire::mcp::version_latest))},
        effects);
  }
  version_ = *version;
  const JsonObject info = object_member(result, "serverInfo");
  peer_.name = text_member(info, "name", peer_text_bytes_max);
  peer_.title = text_member(info, "title", peer_text_bytes_max);
  peer_.version = text_member(info, "version", peer_text_bytes_max);
  instructions_ = text_member(result, "instructions", long_text_bytes_max);
  has_tools_ = find_member(object_member(result, "capabilities"), "tools", JsonKind::object) != nullptr;
  state_ = State::ready;
  own_deadline_ = Instant::never();
  effects.push_back(Send{wire::mcp::encode_notification("notifications/initialized", {}), 0});
  effects.push_back(Ready{});
  if (has_tools_) {
    begin_list(now, effects);
  } else {
    effects.push_back(Tools{});
  }
}

void Client::begin_list(Instant now, Effects& effects) {
  is_list_old_ = false;
  listing_ = Listing{};
  ask_page({}, now, effects);
}

void Client::ask_page(std::string_view params, Instant now, Effects& effects) {
  const std::uint64_t id = next_id_++;
  listing_->request = id;
  ++listing_->pages;
  own_deadline_ = now + options_.list_max;
  effects.push_back(Send{wire::mcp::encode_request(std::to_string(id), "tools/list", params), id});
}

void Client::on_page(const Message& message, Instant now, Effects& effects) {
  if (message.kind == Message::Kind::error) return end_list(fail(read_failure(message, true)), now, effects);
  const Result<std::string> next = add_page(message.result);
  if (!next) return end_list(fail(next.error()), now, effects);
  if (next->empty()) return end_list({}, now, effects);
  if (listing_->pages < options_.pages_max) return ask_page(*next, now, effects);
  end_list(fail(Code::overloaded, fmt::format("a list of tools of more than {} pages", options_.pages_max)), now,
           effects);
}

Result<std::string> Client::add_page(std::string_view result) {
  const JsonObject object = object_of(result);
  const std::string_view* tools = find_member(object, "tools", JsonKind::array);
  if (!tools) return fail(Code::response, "a list without `tools`");
  listing_->bytes += result.size();
  if (listing_->bytes > options_.tools_bytes_max) {
    return fail(Code::overloaded, fmt::format("a list of tools of more than {} bytes", options_.tools_bytes_max));
  }
  for (const std::string_view entry : codec::json_elements(*tools)) {
    Result<Tool> tool = read_tool(entry);
    if (!tool || !listing_->names.insert(tool->name).second) {
      ++counters_.tools_dropped;
      continue;
    }
    if (listing_->tools.size() == options_.tools_max) {
      return fail(Code::overloaded, fmt::format("a list of more than {} tools", options_.tools_max));
    }
    listing_->tools.push_back(*std::move(tool));
  }
  const std::string cursor = text_member(object, "nextCursor");
  if (cursor.empty()) return std::string();
  std::string params = R"({"cursor":)";
  codec::put_quoted(params, cursor);
  return params + '}';
}

void Client::end_list(Result<void> outcome, Instant now, Effects& effects) {
  Listing listing = std::move(*listing_);
  listing_.reset();
  own_deadline_ = Instant::never();
  if (outcome) {
    listed_.clear();
    for (const Tool& tool : listing.tools) listed_.emplace(tool.name, !tool.output_schema.empty());
    effects.push_back(Tools{std::move(listing.tools)});
  } else {
    ++counters_.lists_failed;
    effects.push_back(ListFailed{std::move(outcome).error()});
  }
  if (is_list_old_) begin_list(now, effects);
}

void Client::on_notification(const Message& message, Instant now, Effects& effects) {
  if (message.method == "notifications/progress") return on_progress(message.params, effects);
  if (message.method != "notifications/tools/list_changed" || state_ != State::ready || !has_tools_) return;
  if (listing_) {
    is_list_old_ = true;
  } else {
    begin_list(now, effects);
  }
}

void Client::on_progress(std::string_view params, Effects& effects) {
  const JsonObject object = object_of(params);
  const std::string_view* token = object.find("progressToken");
  const auto call = token ? calls_.find(read_number(*token)) : calls_.end();
  const std::optional<double> done = number_member(object, "progress");
  const bool is_wanted = call != calls_.end() && call->second.wants_progress;
  if (!is_wanted || !done || (call->second.progress_last && *done <= *call->second.progress_last)) {
    ++counters_.progress_dropped;
    return;
  }
  call->second.progress_last = done;
  effects.push_back(Progress{call->first, *done, number_member(object, "total"),
                             text_member(object, "message", long_text_bytes_max)});
}

Result<std::uint64_t> Client::call(std::string_view tool, std::string_view arguments, const CallOptions& options,
                                   Effects& effects) {
  if (state_ == State::ended) return fail(Code::closed, "the session with the server of tools has ended");
  if (state_ != State::ready)
    return fail(Code::unexpected, "a tool can be called when the server has introduced itself");
  if (calls_.size() >= options_.calls_max) {
    return fail(Code::too_many_calls, fmt::format("{} calls of tools are under way", options_.calls_max));
  }
  PARLEY_TRY(JsonObject::parse(arguments));
  const std::string_view meta_text = options.meta.empty() ? std::string_view("{}") : options.meta;
  PARLEY_TRY(const JsonObject meta, JsonObject::parse(meta_text));

  const std::uint64_t id = next_id_++;
  std::string params = R"({"name":)";
  codec::put_quoted(params, tool);
  params += R"(,"arguments":)";
  codec::append_compact(params, arguments);
  std::string members;
  if (options.wants_progress) members += fmt::format(R"(,"progressToken":{})", id);
  for (const codec::JsonMember& member : meta.members()) {
    if (member.key == "progressToken") continue;
    members += ',';
    codec::put_quoted(members, member.key);
    members += ':';
    codec::append_compact(members, member.value);
  }
  if (!members.empty()) params += R"(,"_meta":{)" + members.substr(1) + '}';
  params += '}';
  calls_.emplace(id, Call{std::string(tool), options.deadline, options.wants_progress, std::nullopt});
  if (!options.deadline.is_never()) deadlines_.emplace(options.deadline, id);
  effects.push_back(Send{wire::mcp::encode_request(std::to_string(id), "tools/call", params), id});
  return id;
}

Result<std::string> Client::value_of(const Call& call, const Message& message) {
  const auto listed = listed_.find(call.tool);
  const bool is_listed = listed != listed_.end();
  if (message.kind == Message::Kind::error) return fail(read_failure(message, is_listed));
  Result<std::string> value = read_value(message.result, is_listed && listed->second);
  if (!value && value.error().code == Code::response) ++counters_.results_malformed;
  return value;
}

void Client::finish(std::map<std::uint64_t, Call>::iterator call, Result<std::string> value, Effects& effects) {
  deadlines_.erase({call->second.deadline, call->first});
  effects.push_back(Finished{call->first, std::move(value)});
  calls_.erase(call);
}

void Client::cancel(std::uint64_t call, std::string_view reason, Effects& effects) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  send_cancelled(call, reason, effects);
  finish(found, fail(Code::cancelled, std::string(reason)), effects);
}

void Client::send_cancelled(std::uint64_t request, std::string_view reason, Effects& effects) {
  std::string params = fmt::format(R"({{"requestId":{})", request);
  if (!reason.empty()) put_member(params, "reason", codec::to_utf8(reason, long_text_bytes_max));
  params += '}';
  effects.push_back(Send{wire::mcp::encode_notification("notifications/cancelled", params), 0, request});
}

Instant Client::next_deadline() const {
  if (state_ == State::ended) return Instant::never();
  return deadlines_.empty() ? own_deadline_ : std::min(own_deadline_, deadlines_.begin()->first);
}

void Client::on_time(Instant now, Effects& effects) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto call = calls_.find(deadlines_.begin()->second);
    PARLEY_ASSERT(call != calls_.end());
    ++counters_.deadlines_passed;
    send_cancelled(call->first, "the deadline passed", effects);
    finish(call, fail(Code::deadline), effects);
  }
  if (own_deadline_ > now) return;
  if (state_ == State::introduced) {
    return fail_session({Code::handshake_timeout, "the server of tools did not answer `initialize`"}, effects);
  }
  if (!listing_) return;
  ++counters_.deadlines_passed;
  send_cancelled(listing_->request, "the deadline passed", effects);
  end_list(fail(Code::deadline, "the server of tools did not answer `tools/list`"), now, effects);
}

void Client::fail_session(Error why, Effects& effects) {
  state_ = State::ended;
  PARLEY_ASSERT(calls_.empty() && !listing_);
  effects.push_back(Failed{std::move(why)});
}

void Client::end(const Error& why, Effects& effects) {
  state_ = State::ended;
  listing_.reset();
  while (!calls_.empty()) finish(calls_.begin(), fail(Code::sent_then_lost, to_string(why)), effects);
}

}  // namespace parley::core::mcp
