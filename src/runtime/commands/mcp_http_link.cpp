#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
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
// Requests on their way at once. The other connections are for notifications, for what gives requests up, for the
// server's own stream and for taking leave: whatever becomes of the requests, these go on.
constexpr std::size_t requests_max = mcp_connections_max - 4;
// Requests that wait for one of those to end.
constexpr std::size_t queued_max = 1024;
constexpr std::size_t queued_bytes_max = std::size_t{64} << 20;
// What else waits for a server that does not take it: more is left out.
constexpr std::size_t notices_max = 1024;
constexpr std::size_t notices_bytes_max = std::size_t{4} << 20;
constexpr Duration notification_max = std::chrono::seconds(30);
constexpr Duration cancellation_max = std::chrono::seconds(5);
constexpr Duration leave_max = std::chrono::seconds(2);
constexpr Duration hold_back_max = std::chrono::seconds(1);
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
  HttpLink(io::Loop& loop, std::unique_ptr<io::HttpClient> client, std::string token)
      : loop_(loop), client_(std::move(client)), token_(std::move(token)), scope_(loop) {}

  void start(McpLinkEvents& events) override { events_ = &events; }
  void send(std::string text, std::uint64_t request) override {
    if (request == 0) return put(notices_, std::move(text));
    waiting_.insert(request);
    if (queue_.size() >= queued_max || text.size() > queued_bytes_max - queue_bytes_) {
      return scope_.spawn(refuse(request));
    }
    queue_bytes_ += text.size();
    queue_.push_back({std::move(text), request, notices_.put_count});
    start_soon();
  }
  void cancel(std::uint64_t request, std::string text) override {
    waiting_.erase(request);
    const auto queued = std::ranges::find(queue_, request, &Queued::request);
    if (queued != queue_.end()) {
      queue_bytes_ -= queued->text.size();
      queue_.erase(queued);
    } else if (drop(request)) {
      put(cancellations_, std::move(text));
    }
  }
  void on_introduced(wire::mcp::Version version) override {
    version_ = version;
    holds_back_ = true;
    scope_.spawn(listen());
    scope_.spawn(hold_back());
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
    std::uint64_t notices_before = 0;
  };
  // A request that is on its way, with all that it holds.
  struct UnderWay final : Mortal {
    explicit UnderWay(Executor& executor) : scope(executor) {}
    Scope scope;
  };
  // What awaits no response. One after another, each with the server, or given up, before the next.
  struct Notices {
    Duration each_max;
    std::deque<std::string> queue = {};
    std::size_t queue_bytes = 0;
    std::uint64_t put_count = 0;
    std::uint64_t over_count = 0;
    bool is_sending = false;
  };
  struct Start final : Ready {
    explicit Start(HttpLink& owner) : Ready(&Start::run), link(owner) {}
    static void run(Ready& node) { static_cast<Start&>(node).link.start_queued(); }
    HttpLink& link;
  };

  io::HttpRequest make(std::string method) const {
    io::HttpRequest request{.method = std::move(method)};
    if (!token_.empty()) request.fields.push_back({"Authorization", "Bearer " + token_});
    if (!session_.empty()) request.fields.push_back({"Mcp-Session-Id", session_});
    if (version_) request.fields.push_back({"MCP-Protocol-Version", std::string(to_string(*version_))});
    return request;
  }

  // --- requests

  void start_soon() {
    if (!start_.is_linked()) loop_.executor().post(start_);
  }
  // A notification is with the server before the requests that come after it; these are on their way together.
  void start_queued() {
    while (!holds_back_ && !queue_.empty() && under_way_.size() < requests_max &&
           queue_.front().notices_before <= notices_.over_count) {
      Queued next = std::move(queue_.front());
      queue_.pop_front();
      queue_bytes_ -= next.text.size();
      auto made = std::make_unique<UnderWay>(loop_.executor());
      UnderWay& begun = *made;
      under_way_.emplace(next.request, std::move(made));
      begun.scope.spawn(carry(std::move(next)));
    }
  }
  Task<void> carry(Queued said) {
    const std::uint64_t number = said.request;
    co_await post(std::move(said));
    drop(number);
  }
  // Whether it was on its way. Its task may be the one that runs.
  bool drop(std::uint64_t request) {
    auto over = under_way_.extract(request);
    if (over.empty()) return false;
    loop_.executor().bury(std::move(over.mapped()));
    start_soon();
    return true;
  }
  Task<void> refuse(std::uint64_t request) {
    co_await Yield();
    fail_request(request, {Code::overloaded, fmt::format("{} requests wait for the server", queue_.size())});
  }

  Task<void> post(Queued said) {
    const std::uint64_t number = said.request;
    // Whoever asks says when it has waited long enough: see cancel().
    auto opened = co_await say(std::move(said.text), Instant::never());
    if (!opened) co_return fail_request(number, std::move(opened).error());
    Stream stream = *std::move(opened);
    const unsigned status = stream->head().status;
    if (status == 200 && is_events(stream->head())) co_return co_await follow(std::move(stream), number);
    const auto body = co_await read_all(std::move(stream), Instant::never());
    if (!body) co_return fail_request(number, body.error());
    if (status / 100 != 2) co_return fail_request(number, error_of_status(status, *body));
    if (!body->empty()) deliver(*body);
    fail_request(number, {Code::response, "the server gives no answer to a request"});
  }

  // --- what awaits no response

  void put(Notices& notices, std::string text) {
    if (notices.queue.size() >= notices_max || text.size() > notices_bytes_max - notices.queue_bytes) return;
    ++notices.put_count;
    notices.queue_bytes += text.size();
    notices.queue.push_back(std::move(text));
    if (!std::exchange(notices.is_sending, true)) scope_.spawn(send_notices(notices));
  }
  // `notices` is a member.
  Task<void> send_notices(Notices& notices) {
    co_await Yield();
    while (!notices.queue.empty()) {
      std::string text = std::move(notices.queue.front());
      notices.queue.pop_front();
      notices.queue_bytes -= text.size();
      co_await post_notice(std::move(text), loop_.now() + notices.each_max);
      ++notices.over_count;
      start_soon();
    }
    notices.is_sending = false;
  }
  Task<void> post_notice(std::string text, Instant until) {
    auto opened = co_await say(std::move(text), until);
    if (!opened) co_return;
    Stream stream = *std::move(opened);
    const unsigned status = stream->head().status;
    // The server has it. A stream of events is no answer to it, and might have no end.
    if (is_events(stream->head())) co_return;
    const auto body = co_await read_all(std::move(stream), until);
    if (body && status / 100 == 2 && !body->empty()) deliver(*body);
  }

  // --- both

  // Ends when the head of the answer is there.
  Task<Result<Stream>> say(std::string text, Instant until) {
    io::HttpRequest request = make("POST");
    request.fields.push_back({"Accept", "application/json, text/event-stream"});
    request.fields.push_back({"Content-Type", "application/json"});
    request.body = std::move(text);
    auto opened = co_await client_->open(std::move(request), until);
    if (!opened) {
      const bool is_away = opened.error().code == Code::address || opened.error().code == Code::link_lost;
      if (version_ && is_away) gone(opened.error());
      co_return fail(std::move(opened).error());
    }
    const io::HttpResponse& head = (*opened)->head();
    if (head.status == 404 && !session_.empty()) {
      const Error why{Code::link_lost, "the server has ended the session"};
      gone(why);
      co_return fail(why);
    }
    if (const std::string* const id = head.find("Mcp-Session-Id"); id && session_.empty()) session_ = *id;
    co_return *std::move(opened);
  }

  static Task<Result<std::string>> read_all(Stream stream, Instant until) {
    std::string body;
    for (;;) {
      auto part = co_await stream->next(until);
      if (!part) co_return fail(std::move(part).error());
      if (!*part) co_return body;
      if (body.size() + (*part)->size() > body_bytes_max) co_return fail(Code::too_large, "the server's answer");
      body += **part;
    }
  }

  // Requests wait until the server has answered whether there is a stream of its own, so that nothing that it says
  // there is missed; but not for one that leaves that open.
  Task<void> hold_back() {
    co_await Sleep(loop_, hold_back_max);
    let_start();
  }
  void let_start() {
    holds_back_ = false;
    start_soon();
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
      if (request == 0) let_start();
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
      const auto answered =
          std::ranges::find_if(waiting_, [&](std::uint64_t each) { return std::to_string(each) == message->id; });
      // Wherever the response came, its own stream is of no use any more.
      if (answered != waiting_.end()) {
        drop(*answered);
        waiting_.erase(answered);
      }
    }
    events_->on_link_message(text);
  }
  void fail_request(std::uint64_t request, const Error& why) {
    if (waiting_.erase(request) != 0 && !is_gone_) events_->on_link_failed(request, why);
  }
  void gone(Error why) {
    if (!std::exchange(is_gone_, true)) events_->on_link_gone(std::move(why));
  }

  io::Loop& loop_;
  std::unique_ptr<io::HttpClient> client_;
  const std::string token_;
  McpLinkEvents* events_ = nullptr;
  std::optional<wire::mcp::Version> version_;  // once the server has introduced itself
  std::string session_;
  std::deque<Queued> queue_;  // requests
  std::size_t queue_bytes_ = 0;
  Notices notices_{.each_max = notification_max};
  Notices cancellations_{.each_max = cancellation_max};
  bool holds_back_ = false;
  bool is_gone_ = false;
  std::set<std::uint64_t> waiting_;  // requests without a response
  Start start_{*this};
  std::map<std::uint64_t, std::unique_ptr<UnderWay>> under_way_;
  Scope scope_;
};

}  // namespace

Result<std::unique_ptr<McpLink>> mcp_http_link(io::Loop& loop, const std::string& url, std::string token) {
  PARLEY_TRY(auto client, loop.http_client(url, {.connections_max = mcp_connections_max}));
  return mcp_http_link(loop, std::move(client), std::move(token));
}

std::unique_ptr<McpLink> mcp_http_link(io::Loop& loop, std::unique_ptr<io::HttpClient> client, std::string token) {
  return std::make_unique<HttpLink>(loop, std::move(client), std::move(token));
}

}  // namespace parley::runtime
