#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/commands/mcp_link.h"
#include "wire/mcp/jsonrpc.h"
#include "wire/mcp/sse.h"

namespace parley::runtime {

namespace {

using Stream = std::unique_ptr<io::HttpStream>;

constexpr std::size_t body_bytes_max = std::size_t{16} << 20;
constexpr std::size_t connections_max = 64;
constexpr Duration notification_max = std::chrono::seconds(30);
constexpr Duration leave_max = std::chrono::seconds(2);
// How often a stream is asked for again when nothing comes of it.
constexpr int vain_tries_max = 5;
constexpr std::uint32_t retry_ms_default = 1000;
constexpr std::uint32_t retry_ms_min = 50;
constexpr std::uint32_t retry_ms_max = 60'000;

bool is_events(const io::HttpResponse& head) {
  const std::string* const type = head.find("Content-Type");
  return type && type->starts_with("text/event-stream");
}

Error error_of_status(unsigned status, std::string_view body) {
  std::string note = fmt::format("the server answers {} {}", status, io::http_reason(status));
  if (const auto message = wire::mcp::parse_message(body); message && !message->text.empty()) {
    note += fmt::format(": {}", message->text);
  }
  const bool may_not = status == 401 || status == 403;
  return {may_not                          ? Code::permission
          : status == 503 || status == 429 ? Code::overloaded
                                           : Code::refused,
          std::move(note)};
}

class HttpLink final : public McpLink {
 public:
  HttpLink(io::Loop& loop, std::unique_ptr<io::HttpClient> client)
      : loop_(loop), client_(std::move(client)), scope_(loop) {}

  void start(McpLinkEvents& events) override { events_ = &events; }
  void send(std::string text, std::uint64_t request) override {
    queue_.push_back({std::move(text), request});
    if (!std::exchange(is_sending_, true)) scope_.spawn(send_queued());
  }
  void on_introduced(wire::mcp::Version version) override {
    version_ = version;
    scope_.spawn(listen());
  }
  Task<void> leave() override {
    if (session_.empty()) co_return;
    auto request = make("DELETE");
    request.fields.push_back({"Accept", "application/json"});
    // A server that keeps its sessions refuses it.
    static_cast<void>(co_await client_->request(std::move(request), loop_.now() + leave_max));
  }

 private:
  struct Queued {
    std::string text;
    std::uint64_t request = 0;
  };

  io::HttpRequest make(std::string method) const {
    io::HttpRequest request{.method = std::move(method)};
    if (!session_.empty()) request.fields.push_back({"Mcp-Session-Id", session_});
    if (version_) request.fields.push_back({"MCP-Protocol-Version", std::string(to_string(*version_))});
    return request;
  }

  // A notification is with the server before what is sent after it; requests are on their way together.
  Task<void> send_queued() {
    co_await Yield();
    while (!queue_.empty()) {
      Queued next = std::move(queue_.front());
      queue_.pop_front();
      if (next.request == 0) {
        co_await post(std::move(next));
      } else {
        waiting_.insert(next.request);
        scope_.spawn(post(std::move(next)));
      }
    }
    is_sending_ = false;
  }

  Task<void> post(Queued said) {
    const std::uint64_t number = said.request;
    io::HttpRequest request = make("POST");
    request.fields.push_back({"Accept", "application/json, text/event-stream"});
    request.fields.push_back({"Content-Type", "application/json"});
    request.body = std::move(said.text);
    const Instant until = number == 0 ? loop_.now() + notification_max : Instant::never();
    auto opened = co_await client_->open(std::move(request), until);
    if (!opened) {
      const bool is_away = opened.error().code == Code::address || opened.error().code == Code::link_lost;
      if (version_ && is_away) co_return gone(std::move(opened).error());
      co_return fail_request(number, std::move(opened).error());
    }
    Stream stream = *std::move(opened);
    const unsigned status = stream->head().status;
    if (status == 404 && !session_.empty()) co_return gone({Code::link_lost, "the server has ended the session"});
    if (const std::string* const id = stream->head().find("Mcp-Session-Id"); id && session_.empty()) session_ = *id;
    if (status == 200 && is_events(stream->head())) co_return co_await follow(std::move(stream), number);
    const auto body = co_await read_all(std::move(stream));
    if (!body) co_return fail_request(number, body.error());
    if (status / 100 != 2) co_return fail_request(number, error_of_status(status, *body));
    if (!body->empty()) deliver(*body);
    fail_request(number, {Code::response, "the server gives no answer to a request"});
  }

  static Task<Result<std::string>> read_all(Stream stream) {
    std::string body;
    for (;;) {
      auto part = co_await stream->next();
      if (!part) co_return fail(std::move(part).error());
      if (!*part) co_return body;
      if (body.size() + (*part)->size() > body_bytes_max) co_return fail(Code::too_large, "the server's answer");
      body += **part;
    }
  }

  // The server's own stream, which it need not have.
  Task<void> listen() {
    co_await Yield();
    co_await follow(nullptr, 0);
  }

  // Reads a stream of events, and asks for the rest of it where it ends too early: until the response to that request
  // has come, wherever; 0: as long as there is a server.
  Task<void> follow(Stream stream, std::uint64_t request) {
    Place place;
    for (int vain_tries = 0; vain_tries < vain_tries_max; ++vain_tries) {
      if (stream && co_await read(*stream, request, place)) vain_tries = 0;
      const bool is_begun = std::exchange(stream, nullptr) != nullptr || vain_tries != 0;
      if (request != 0 && !waiting_.contains(request)) co_return;
      if (request != 0 && place.last_id.empty()) break;
      if (is_begun) co_await Sleep(loop_, std::chrono::milliseconds(place.retry_ms));
      io::HttpRequest again = make("GET");
      again.fields.push_back({"Accept", "text/event-stream"});
      if (!place.last_id.empty()) again.fields.push_back({"Last-Event-ID", place.last_id});
      auto opened = co_await client_->open(std::move(again));
      if (!opened) continue;
      const unsigned status = (*opened)->head().status;
      if (status == 404 && !session_.empty()) co_return gone({Code::link_lost, "the server has ended the session"});
      if (status != 200 || !is_events((*opened)->head())) {
        if (request == 0) co_return;
        break;
      }
      stream = *std::move(opened);
      if (request == 0) vain_tries = 0;
    }
    if (request == 0) co_return gone({Code::link_lost, "the server cannot be reached any more"});
    fail_request(request, {Code::sent_then_lost, "the server's answer broke off, and cannot be had again"});
  }

  struct Place {
    std::string last_id;
    std::uint32_t retry_ms = retry_ms_default;
  };
  // Whether anything came.
  Task<bool> read(io::HttpStream& stream, std::uint64_t request, Place& place) {
    wire::mcp::SseParser parser(body_bytes_max);
    bool has_come = false;
    while (request == 0 || waiting_.contains(request)) {
      const auto part = co_await stream.next();
      if (!part || !*part) break;
      std::vector<wire::mcp::SseEvent> events;
      const auto parsed = parser.add(as_bytes(**part), events);
      if (!parser.last_id().empty()) place.last_id = parser.last_id();
      if (const auto ms = parser.retry_ms()) place.retry_ms = std::clamp(*ms, retry_ms_min, retry_ms_max);
      for (const wire::mcp::SseEvent& each : events) {
        if (each.data.empty()) continue;
        has_come = true;
        deliver(each.data);
      }
      if (!parsed) break;
    }
    co_return has_come;
  }

  void deliver(std::string_view text) {
    const auto message = wire::mcp::parse_message(text, {.bytes_max = body_bytes_max});
    if (message &&
        (message->kind == wire::mcp::Message::Kind::response || message->kind == wire::mcp::Message::Kind::error)) {
      std::erase_if(waiting_, [&](std::uint64_t each) { return std::to_string(each) == message->id; });
    }
    events_->on_link_message(text);
  }
  void fail_request(std::uint64_t request, const Error& why) {
    if (waiting_.erase(request) == 0) return;
    events_->on_link_message(
        wire::mcp::encode_error(std::to_string(request), wire::mcp::internal_error, to_string(why)));
  }
  void gone(Error why) {
    if (!std::exchange(is_gone_, true)) events_->on_link_gone(std::move(why));
  }

  io::Loop& loop_;
  std::unique_ptr<io::HttpClient> client_;
  McpLinkEvents* events_ = nullptr;
  std::optional<wire::mcp::Version> version_;  // once the server has introduced itself
  std::string session_;
  std::deque<Queued> queue_;
  bool is_sending_ = false;
  bool is_gone_ = false;
  std::set<std::uint64_t> waiting_;  // requests without a response
  Scope scope_;
};

}  // namespace

Result<std::unique_ptr<McpLink>> mcp_http_link(io::Loop& loop, const std::string& url) {
  PARLEY_TRY(auto client, loop.http_client(url, {.connections_max = connections_max}));
  return std::make_unique<HttpLink>(loop, std::move(client));
}

}  // namespace parley::runtime
