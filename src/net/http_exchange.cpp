#include "net/http_exchange.h"

#include <fmt/format.h>

namespace parley::net {

HttpConnection::Exchange::Exchange(HttpConnection& connection, io::HttpRequest request)
    : executor_(connection.loop_.executor()),
      connection_(&connection),
      request_(std::move(request)),
      peer_(connection.peer()),
      form_(connection.form()) {
  form_.has_body = request_.method != "HEAD";
}

HttpConnection::Exchange::~Exchange() {
  if (!connection_) return;
  if (phase_ == Phase::asked) {
    respond(response_of({.status = 500, .why = "the request was not answered"}));
  } else {
    connection_->exchange_ = nullptr;
    connection_->cut_off();
  }
}

void HttpConnection::Exchange::set_events(io::HttpExchangeEvents* events) {
  events_ = events;
  if (events_ && is_gone_ && !has_told_gone_ && !gone_.is_linked()) executor_.post(gone_);
}

void HttpConnection::Exchange::respond(io::HttpResponse response) {
  PARLEY_ASSERT(phase_ == Phase::asked, "a request is answered once");
  PARLEY_ASSERT(response.status >= 200 && response.status <= 999, response.status);
  phase_ = Phase::answered;
  if (!connection_) return;
  form_.closes = connection_->form().closes;  // close() may have come since
  connection_->put(write_http_response(response, form_));
  end();
}

void HttpConnection::Exchange::begin_stream(io::HttpResponse head) {
  PARLEY_ASSERT(phase_ == Phase::asked, "a request is answered once");
  PARLEY_ASSERT(head.status >= 200 && head.status <= 999 && head.body.empty(), head.status);
  phase_ = Phase::streaming;
  if (!connection_) return;
  form_.is_chunked = !connection_->request_.is_old;
  form_.says_length = false;
  form_.closes = connection_->form().closes;
  connection_->put(write_http_response(head, form_));
  if (head.status == 204 || head.status == 304) form_.has_body = false;
}

void HttpConnection::Exchange::send(std::string_view part) {
  PARLEY_ASSERT(phase_ == Phase::streaming, "parts follow begin_stream(), and finish() follows them");
  if (!connection_ || part.empty() || !form_.has_body) return;
  const auto is_beyond_bound = [&] {
    return connection_->out_.size() + part.size() > connection_->limits_.unsent_bytes_max;
  };
  if (is_beyond_bound()) {
    connection_->flush();
    if (!connection_) return;
    if (!connection_->out_.empty() && is_beyond_bound()) return connection_->cut_off();
  }
  if (form_.is_chunked) connection_->put(fmt::format("{:x}\r\n", part.size()));
  connection_->put(part);
  if (form_.is_chunked) connection_->put("\r\n");
}

void HttpConnection::Exchange::finish() {
  PARLEY_ASSERT(phase_ == Phase::streaming, "what ends has begun");
  phase_ = Phase::answered;
  if (!connection_) return;
  if (form_.is_chunked && form_.has_body) connection_->put("0\r\n\r\n");
  end();
}

void HttpConnection::Exchange::end() {
  connection_->exchange_ = nullptr;
  std::exchange(connection_, nullptr)->answered();
}

void HttpConnection::Exchange::on_peer_gone() {
  is_gone_ = true;
  set_events(events_);
}

void HttpConnection::Exchange::tell_gone() {
  if (!events_ || phase_ == Phase::answered) return;
  has_told_gone_ = true;
  events_->on_peer_gone();
}

}  // namespace parley::net
