#include "net/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/http_exchange.h"

namespace parley::net {

using Status = io::Transfer::Status;

namespace {

// Of requests that are there at once, so many are asked before others have their turn.
constexpr int requests_per_turn = 1024;
// No further request of a peer is looked at while so much waits for it to read.
constexpr std::size_t unsent_to_go_on_max = std::size_t{64} << 10;
// What a peer may still send after it was refused.
constexpr std::size_t discarded_bytes_max = std::size_t{16} << 20;

}  // namespace

HttpConnection::HttpConnection(io::Loop& loop, std::unique_ptr<io::Stream> stream, io::HttpHandler& handler,
                               HttpAccess access, io::HttpLimits limits)
    : loop_(loop),
      handler_(handler),
      access_(std::move(access)),
      limits_(limits),
      stream_(std::make_unique<io::UnreadStream>(loop.executor(), std::move(stream))),
      out_(loop.blocks()) {
  stream_->start(*this);
  await_request();
}

HttpConnection::~HttpConnection() {
  if (is_destroyed_) *is_destroyed_ = true;
  let_go_of_exchange();
}

void HttpConnection::close() {
  if (std::exchange(is_closing_, true)) return;
  if (state_ == State::head || state_ == State::body) end_when_sent();
}

// --- in

void HttpConnection::on_readable() {
  const BlockHandle block = loop_.blocks().take();
  const io::Transfer transfer = stream_->read_some({block->data(), block->capacity()});
  if (transfer.status == Status::would_block || state_ == State::over) return;
  if (transfer.status == Status::failed) return cut_off();
  if (transfer.status == Status::ended) {
    has_ended_ = true;
    if (exchange_) exchange_->on_peer_gone();
    return post(&HttpConnection::work_);
  }
  if (state_ == State::ending || state_ == State::lingering) {
    discarded_ += transfer.bytes;
    if (discarded_ > discarded_bytes_max) cut_off();
    return;
  }
  if (parsed_ != 0) {
    in_.erase(0, parsed_);
    parsed_ = 0;
  }
  in_ += as_text({block->data(), transfer.bytes});
  if (!std::exchange(has_begun_, true) && state_ == State::head) set_deadline(limits_.request_max);
  const std::size_t ahead_max = std::max(limits_.ahead_bytes_max, limits_.head_bytes_max) + block->capacity();
  if (state_ != State::body && in_.size() > ahead_max) return cut_off();
  post(&HttpConnection::work_);
}

void HttpConnection::post(Node HttpConnection::* node) {
  if (!(this->*node).is_linked()) loop_.executor().post(this->*node);
}

// Everything that happens of itself: time runs out, requests are read and asked, the end is seen.
void HttpConnection::work() {
  if (has_run_out()) return;
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  int served = 0;
  while (served < requests_per_turn && serve_next() && !is_destroyed) ++served;
  if (is_destroyed) return;
  is_destroyed_ = nullptr;
  if (served == requests_per_turn) return loop_.executor().arm(alarm_, loop_.now());
  arm();
  if (has_ended_ && (state_ == State::head || state_ == State::body)) end_when_sent();
  if (has_ended_ && state_ == State::lingering) become_over();
}

bool HttpConnection::has_run_out() {
  const Instant now = loop_.now();
  if (now >= unsent_deadline_) {
    cut_off();
    return true;
  }
  if (now < deadline_) return false;
  deadline_ = Instant::never();
  if (state_ == State::lingering) {
    become_over();
  } else if (state_ == State::body || (state_ == State::head && has_begun_)) {
    refuse({408, Code::timed_out, "the request did not come in time"});
  } else if (state_ == State::head) {
    end_when_sent();
  }
  return true;
}

// Whether it got on, and may again.
bool HttpConnection::serve_next() {
  if (state_ == State::head) {
    if (out_.size() > unsent_to_go_on_max) return false;
    return read_head();
  }
  return state_ == State::body && read_body();
}

bool HttpConnection::read_head() {
  while (unread().starts_with("\r\n")) parsed_ += 2;  // some send them behind a body
  if (unread().empty()) {
    if (std::exchange(has_begun_, false)) {
      deadline_ = idle_deadline_;  // blank lines are no request, and win no time
      arm();
    }
    return false;
  }
  const auto size = head_end_.find(unread().substr(0, limits_.head_bytes_max));
  if (size) return begin_request(*size);
  if (unread().size() >= limits_.head_bytes_max) {
    refuse({431, Code::too_large, fmt::format("the head of a request is at most {} bytes", limits_.head_bytes_max)});
  }
  return false;
}

bool HttpConnection::begin_request(std::size_t head_bytes) {
  auto read = read_http_request(unread().substr(0, head_bytes));
  if (!read) {
    refuse(read.error());
    return false;
  }
  if (const auto refused = refuse_access(read->request, access_)) {
    refuse(*refused);
    return false;
  }
  if (!read->request.target.starts_with('/') && !(read->request.method == "OPTIONS" && read->request.target == "*")) {
    refuse({400, Code::protocol, "the target of a request is a path, which begins with a slash"});
    return false;
  }
  request_ = *std::move(read);
  if (request_.asks_for_websocket && handler_.takes_upgrade(request_.request)) {
    head_end_ = {};  // the head may be looked at once more, when what was answered before has left
    if (out_.empty()) {
      hand_over();
    } else {
      flush_later();
    }
    return false;
  }
  if (const auto refused = handler_.on_head(request_.request, peer())) {
    refuse(*refused);
    return false;
  }
  parsed_ += head_bytes;
  head_end_ = {};
  return begin_body();
}

bool HttpConnection::begin_body() {
  const HttpFraming& framing = request_.framing;
  body_ = framing.is_chunked ? HttpBody::chunked(limits_.body_bytes_max)
                             : HttpBody::of_length(framing.content_length.value_or(0), limits_.body_bytes_max);
  state_ = State::body;
  if (request_.expects_continue && body_->status() == HttpBody::Status::more && unread().empty()) {
    put("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return true;
}

bool HttpConnection::read_body() {
  std::string_view bytes = unread();
  const HttpBody::Status status = body_->read(bytes, request_.request.body);
  parsed_ = in_.size() - bytes.size();
  switch (status) {
    case HttpBody::Status::more: return false;
    case HttpBody::Status::whole: ask(); return true;
    case HttpBody::Status::wrong: refuse({400, Code::protocol, "the chunks of the body are none"}); return false;
    case HttpBody::Status::too_long:
      refuse({413, Code::too_large, fmt::format("a body is at most {} bytes", limits_.body_bytes_max)});
      return false;
  }
  return false;
}

// Afterwards the connection may be gone.
void HttpConnection::ask() {
  state_ = State::answering;
  set_deadline(Duration::max());
  body_.reset();
  has_begun_ = !unread().empty();
  auto exchange = std::make_unique<Exchange>(*this, std::move(request_.request));
  exchange_ = exchange.get();
  if (has_ended_) exchange_->on_peer_gone();
  handler_.on_request(std::move(exchange));
}

// The stream goes as if nobody had looked into it. Afterwards the connection may be gone.
void HttpConnection::hand_over() {
  peer_ = stream_->peer();
  stream_->unread(in_.substr(parsed_));
  const io::HttpRequest request = std::move(request_.request);
  auto stream = std::move(stream_);
  become_over();
  handler_.on_upgrade(*this, request, std::move(stream));
}

// --- out

void HttpConnection::refuse(const io::HttpResponse& answer) {
  put(write_http_response(answer, {.has_body = request_.request.method != "HEAD", .closes = true}));
  end_when_sent();
}

HttpAnswerForm HttpConnection::form() const { return {.closes = !request_.keeps_alive || is_closing_}; }

void HttpConnection::put(std::string_view bytes) {
  out_.commit(std::ranges::copy(as_bytes(bytes), out_.room(bytes.size())).out);
  flush_later();
}

void HttpConnection::flush_later() {
  if (!flush_.is_linked()) loop_.executor().post_after_drain(flush_);
}

void HttpConnection::flush() {
  if (!stream_ || state_ == State::over) return;
  while (!out_.empty()) {
    const io::Transfer transfer = stream_->write_some(out_.pending());
    if (transfer.status == Status::moved) {
      out_.consume(transfer.bytes);
      unsent_deadline_ = Instant::never();
      continue;
    }
    if (transfer.status == Status::failed) return cut_off();
    if (unsent_deadline_.is_never()) unsent_deadline_ = loop_.now() + limits_.unsent_max;
    arm();
    return stream_->want_writable();
  }
  if (state_ == State::ending) {
    stream_->finish();
    state_ = State::lingering;
    set_deadline(limits_.linger_max);
  }
  // A request that waited for that, or the end.
  if (has_begun_ || has_ended_) post(&HttpConnection::work_);
}

// The exchange is no longer ours.
void HttpConnection::answered() {
  if (!request_.keeps_alive || is_closing_) return end_when_sent();
  await_request();
  if (has_begun_ || has_ended_) post(&HttpConnection::work_);
}

void HttpConnection::await_request() {
  state_ = State::head;
  request_ = {};
  set_deadline(limits_.idle_max);
  idle_deadline_ = deadline_;
  if (has_begun_) set_deadline(limits_.request_max);
}

void HttpConnection::set_deadline(Duration from_now) {
  deadline_ = from_now == Duration::max() ? Instant::never() : loop_.now() + from_now;
  arm();
}

void HttpConnection::arm() {
  if (state_ == State::over) return;
  const Instant next = std::min(deadline_, unsent_deadline_);
  if (next.is_never()) return alarm_.disarm();
  loop_.executor().arm(alarm_, next);
}

// --- the end

void HttpConnection::end_when_sent() {
  state_ = State::ending;
  set_deadline(Duration::max());
  // Whoever lingers holds no memory: a string that is assigned nothing would keep its own.
  std::string().swap(in_);
  std::string().swap(request_.request.body);
  parsed_ = 0;
  body_.reset();
  flush_later();
}

// Without another word: the peer must not take what it has for the whole.
void HttpConnection::cut_off() {
  if (state_ == State::over) return;
  out_.clear();
  become_over();
}

void HttpConnection::let_go_of_exchange() {
  Exchange* const exchange = std::exchange(exchange_, nullptr);
  if (!exchange) return;
  exchange->leave();
  exchange->on_peer_gone();
}

void HttpConnection::become_over() {
  state_ = State::over;
  let_go_of_exchange();
  alarm_.disarm();
  post(&HttpConnection::over_);
}

void HttpConnection::tell_over() { handler_.on_http_over(*this); }

}  // namespace parley::net
