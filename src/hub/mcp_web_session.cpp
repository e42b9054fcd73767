#include "hub/mcp_web_session.h"

#include <utility>
#include <vector>

#include "base/assert.h"
#include "hub/web.h"
#include "wire/mcp/jsonrpc.h"
#include "wire/mcp/sse.h"

namespace parley::hub {

using core::mcp::Streams;
using Taken = runtime::McpSession::Taken;

io::HttpResponse mcp_error_response(unsigned status, std::int64_t code, std::string_view text,
                                    std::string_view request_id) {
  return json_response(status, wire::mcp::encode_error(request_id, code, text) + "\n");
}

McpReader::~McpReader() {
  if (session_) session_->leave(*this);
}

McpWebSession::McpWebSession(Registry& registry, McpWebSessionEvents& events, std::string id, core::Principal principal,
                             Options options)
    : id_(std::move(id)),
      principal_(std::move(principal)),
      events_(events),
      loop_(registry.loop()),
      bounds_(options.streams),
      used_at_(registry.loop().now()),
      session_(registry, static_cast<runtime::McpSessionEvents&>(*this), std::move(options.session)) {}
McpWebSession::~McpWebSession() { end(); }

void McpWebSession::post(std::string_view body, McpReader& reader) {
  used_at_ = loop_.now();
  PARLEY_ASSERT(posting_ == 0, "one message is taken after another");
  const std::uint64_t ticket = ++last_ticket_;
  posting_ = ticket;
  asked_[ticket].reader = &reader;
  const bool was_initialized = is_initialized();
  const Taken taken = session_.on_message(body, ticket);
  posting_ = 0;
  if (!was_initialized && is_initialized()) streams_.emplace(session_.server().version(), bounds_);

  const auto waiting = asked_.find(ticket);
  if (taken == Taken::notification || taken == Taken::response) {
    if (waiting != asked_.end()) asked_.erase(waiting);
    return answer(reader, {.status = 202});
  }
  if (auto text = std::exchange(answer_, std::nullopt)) {
    io::HttpResponse response = json_response(taken == Taken::refused ? 400 : 200, *std::move(text) + "\n");
    if (!was_initialized && is_initialized()) response.fields.push_back({"Mcp-Session-Id", id_});
    return answer(reader, std::move(response));
  }
  if (waiting == asked_.end()) return;  // it was answered on its stream
  if (!waiting->second.stream) open_stream(waiting->second);
  waiting->second.reader = nullptr;
}

void McpWebSession::answer(McpReader& reader, io::HttpResponse response) {
  reader.exchange_.respond(std::move(response));
  reader.over.set();
}

Result<void> McpWebSession::read(McpReader& reader, const std::string* last_event_id) {
  used_at_ = loop_.now();
  if (!last_event_id) {
    begin(reader, Streams::own);
    send(Streams::own, streams_->priming(Streams::own));
    send(Streams::own, std::exchange(unread_, {}));
    return {};
  }
  PARLEY_TRY(const Streams::Resumed resumed, streams_->resume_after(*last_event_id));
  if (resumed.stream == Streams::own) unread_.clear();
  begin(reader, resumed.stream);
  send(resumed.stream, resumed.events);
  if (resumed.is_finished) finish(resumed.stream);
  return {};
}

void McpWebSession::begin(McpReader& reader, std::uint64_t stream) {
  const auto older = readers_.find(stream);
  if (older != readers_.end()) finish(stream);
  reader.session_ = this;
  reader.stream_ = stream;
  readers_.emplace(stream, &reader);
  reader.exchange_.begin_stream({.status = 200,
                                 .fields = {{"Content-Type", "text/event-stream"},
                                            {"Cache-Control", "no-cache, no-transform"},
                                            {"Mcp-Session-Id", id_}}});
  events_.on_mcp_readers(*this);
}

void McpWebSession::open_stream(Asked& asked) {
  PARLEY_ASSERT(asked.reader && streams_, "only what is initialized has requests that wait");
  const std::uint64_t stream = streams_->open();
  asked.stream = stream;
  begin(*asked.reader, stream);
  send(stream, streams_->priming(stream));
}

void McpWebSession::send(std::uint64_t stream, std::string_view event) {
  const auto reader = readers_.find(stream);
  if (reader != readers_.end()) reader->second->exchange_.send(event);
}

// The reader has all that there is for it.
void McpWebSession::finish(std::uint64_t stream) {
  const auto found = readers_.extract(stream);
  if (found.empty()) return;
  McpReader& reader = *found.mapped();
  reader.session_ = nullptr;
  reader.exchange_.finish();
  reader.over.set();
  used_at_ = loop_.now();
  events_.on_mcp_readers(*this);
}

void McpWebSession::leave(McpReader& reader) {
  reader.session_ = nullptr;
  readers_.erase(reader.stream_);
  used_at_ = loop_.now();
  events_.on_mcp_readers(*this);
}

void McpWebSession::on_mcp_message(std::uint64_t ticket, std::string text, bool is_last) {
  if (ticket == 0) return say_on_own(text);
  const auto found = asked_.find(ticket);
  PARLEY_ASSERT(found != asked_.end(), ticket);
  Asked& asked = found->second;
  if (is_last && !asked.stream) {
    // There is no stream yet, so this comes from inside of post().
    PARLEY_ASSERT(posting_ == ticket, ticket);
    answer_ = std::move(text);
    asked_.erase(found);
    return;
  }
  if (!asked.stream) open_stream(asked);
  const std::uint64_t stream = *asked.stream;
  send(stream, streams_->add(stream, text));
  if (!is_last) return;
  asked_.erase(found);
  streams_->finish(stream);
  finish(stream);
}

void McpWebSession::on_mcp_unanswered(std::uint64_t ticket) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return;
  const std::optional<std::uint64_t> stream = found->second.stream;
  asked_.erase(found);
  if (!stream) return;
  streams_->finish(*stream);
  finish(*stream);
}

void McpWebSession::say_on_own(const std::string& text) {
  if (!streams_) return;
  std::string event = streams_->add(Streams::own, text);
  if (readers_.contains(Streams::own)) return send(Streams::own, event);
  // All that is said there is that the list has changed: the last time counts.
  unread_ = std::move(event);
}

void McpWebSession::beat() {
  std::string comment;
  wire::mcp::append_sse_comment(comment);
  for (const auto& [stream, reader] : readers_) reader->exchange_.send(comment);
}

void McpWebSession::end() {
  session_.end();
  asked_.clear();
  while (!readers_.empty()) finish(readers_.begin()->first);
}

}  // namespace parley::hub
