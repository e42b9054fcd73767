#include "net/http_client_connection.h"

#include <fmt/format.h>

#include <utility>

namespace parley::net {

using Status = io::Transfer::Status;

namespace {

// Heads that promise another one, in one answer.
constexpr int heads_max = 8;

}  // namespace

HttpClientConnection::HttpClientConnection(io::Loop& loop, std::unique_ptr<io::Stream> stream,
                                           const io::HttpClientOptions& options)
    : loop_(loop), options_(options), stream_(std::move(stream)) {
  stream_->start(*this);
}

void HttpClientConnection::ask(std::shared_ptr<const std::string> bytes, bool is_head_only, HttpBodyBound bound) {
  PARLEY_ASSERT(is_reusable());
  idle_events_ = nullptr;
  alarm_.disarm();
  request_ = std::move(bytes);
  sent_ = 0;
  is_head_only_ = is_head_only;
  bound_ = std::move(bound);
  head_end_ = {};
  heads_ = 0;
  has_heard_ = is_whole_ = false;
  head_.reset();
  body_.reset();
  write();
}

bool HttpClientConnection::is_reusable() const {
  return is_whole_ && !is_used_up_ && !failure_ && part_.empty() && (!request_ || sent_ == request_->size());
}

// --- out

void HttpClientConnection::write() {
  while (request_ && !failure_ && sent_ < request_->size()) {
    const io::Transfer transfer = stream_->write_some(as_bytes(*request_).subspan(sent_));
    if (transfer.status == Status::would_block) return stream_->want_writable();
    // Who takes nothing more may have answered: that is read first.
    if (transfer.status == Status::failed) return;
    sent_ += transfer.bytes;
  }
}

// --- in

void HttpClientConnection::on_readable() {
  const BlockHandle block = loop_.blocks().take();
  const io::Transfer transfer = stream_->read_some({block->data(), block->capacity()});
  switch (transfer.status) {
    case Status::would_block: return;
    case Status::moved: read(as_text({block->data(), transfer.bytes})); break;
    case Status::ended: on_end(); break;
    case Status::failed: fail_with(stream_->failure()); break;
  }
  if (idle_events_) end_idle();
  news_.set();
}

void HttpClientConnection::read(std::string_view bytes) {
  if (failure_) return;
  if (is_whole_) {
    is_used_up_ = true;  // nobody has asked for that
    return;
  }
  has_heard_ = true;
  in_ += bytes;
  read_parts();
}

void HttpClientConnection::read_parts() {
  while (!head_) {
    if (!read_head()) return;
  }
  read_body();
}

bool HttpClientConnection::read_head() {
  const auto size = head_end_.find(std::string_view(in_).substr(0, options_.head_bytes_max));
  if (!size) {
    if (in_.size() >= options_.head_bytes_max)
      fail_with({Code::protocol, "the head of the peer's answer does not end"});
    return false;
  }
  auto head = read_http_response(std::string_view(in_).substr(0, *size));
  if (!head) {
    fail_with(std::move(head).error());
    return false;
  }
  in_.erase(0, *size);
  head_end_ = {};
  const unsigned status = head->response.status;
  if (status == 101) {
    fail_with({Code::protocol, "the peer changes to another protocol, unasked"});
    return false;
  }
  if (status < 200) {
    if (++heads_ < heads_max) return true;
    fail_with({Code::protocol, "the peer promises an answer and gives none"});
    return false;
  }
  if (is_head_only_ || status == 204 || status == 304) {
    body_ = HttpBody::none();
  } else if (head->framing.is_chunked) {
    body_ = HttpBody::chunked();
  } else if (head->framing.content_length) {
    body_ = HttpBody::of_length(*head->framing.content_length);
  } else {
    body_ = HttpBody::endless();
    head->keeps_alive = false;
  }
  head_ = std::move(head).value();
  return true;
}

void HttpClientConnection::read_body() {
  std::string_view bytes = in_;
  const HttpBody::Status status = body_->read(bytes, part_);
  is_used_up_ = !head_->keeps_alive || (status == HttpBody::Status::whole && !bytes.empty());
  in_.clear();
  if (part_.size() > bound_.bytes_max) return fail_with(bound_.beyond);
  if (status == HttpBody::Status::wrong || status == HttpBody::Status::too_long) {
    return fail_with({Code::protocol, "the chunks of the peer's answer are none"});
  }
  is_whole_ = status == HttpBody::Status::whole;
}

void HttpClientConnection::on_end() {
  is_used_up_ = true;
  if (is_whole_) return;
  if (body_ && body_->end() == HttpBody::Status::whole) {
    is_whole_ = true;
    return;
  }
  fail_with({Code::link_lost, has_heard_ ? "the peer ended the connection within its answer"
                                         : "the peer ended the connection without an answer"});
}

void HttpClientConnection::fail_with(Error why) {
  if (!failure_) failure_ = std::move(why);
  is_used_up_ = true;
  in_ = {};
}

// --- idle

void HttpClientConnection::rest(IdleEvents& events, Instant until) {
  idle_events_ = &events;
  request_.reset();
  sent_ = 0;
  loop_.executor().arm(alarm_, until);
}

void HttpClientConnection::end_idle() {
  is_used_up_ = true;
  if (!idle_over_.is_linked()) loop_.executor().post(idle_over_);
}

void HttpClientConnection::tell_idle_over() {
  if (idle_events_) std::exchange(idle_events_, nullptr)->on_idle_over(*this);
}

}  // namespace parley::net
