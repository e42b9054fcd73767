#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/out_buffer.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/unread_stream.h"
#include "net/http_body.h"
#include "net/http_head.h"

namespace parley::net {

// The answering side of one stream; see io::HttpConnection. What comes is kept and looked at from the ready queue,
// never from inside a call of the stream or of an exchange; what was answered leaves when the queue has drained.
class HttpConnection final : public io::HttpConnection, private io::StreamEvents {
 public:
  HttpConnection(io::Loop& loop, std::unique_ptr<io::Stream> stream, io::HttpHandler& handler, HttpAccess access,
                 io::HttpLimits limits);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void close() override;
  const io::Peer& peer() const override { return stream_ ? stream_->peer() : peer_; }

 private:
  class Exchange;
  enum class State : std::uint8_t {
    head,       // of the next request is awaited
    body,       // so is the rest of the request
    answering,  // a handler has it
    ending,     // nothing more is served, and what was answered leaves
    lingering,  // the peer has been told of the end
    over,
  };
  struct Node final : Ready {
    Node(Run run, HttpConnection& owner) : Ready(run), connection(owner) {}
    HttpConnection& connection;
  };
  struct Alarm final : Timer {
    explicit Alarm(HttpConnection& owner)
        : Timer([](Timer& timer) { static_cast<Alarm&>(timer).connection.post(&HttpConnection::work_); }),
          connection(owner) {}
    HttpConnection& connection;
  };

  void on_readable() override;
  void on_writable() override { flush(); }
  void post(Node HttpConnection::* node);
  void flush_later();
  void flush();

  void work();
  bool has_run_out();
  bool serve_next();
  bool read_head();
  bool begin_request(std::size_t head_bytes);
  bool begin_body();
  bool read_body();
  void ask();
  void hand_over();
  void refuse(const io::HttpResponse& answer);
  void refuse(const HttpRefusal& refusal) { refuse(response_of(refusal)); }
  void await_request();
  void set_deadline(Duration from_now);
  void arm();

  void put(std::string_view bytes);
  void answered();
  void end_when_sent();
  void cut_off();
  void let_go_of_exchange();
  void become_over();
  void tell_over();
  HttpAnswerForm form() const;
  std::string_view unread() const { return std::string_view(in_).substr(parsed_); }

  io::Loop& loop_;
  io::HttpHandler& handler_;
  const HttpAccess access_;
  const io::HttpLimits limits_;
  std::unique_ptr<io::UnreadStream> stream_;  // null once it was handed over
  io::Peer peer_;                             // then
  OutBuffer out_;
  State state_ = State::head;
  bool is_closing_ = false;  // close() was called
  bool has_ended_ = false;   // the peer sends nothing more

  // in
  std::string in_;
  std::size_t parsed_ = 0;
  HttpHeadEnd head_end_;
  bool has_begun_ = false;  // something of the next request has come
  HttpRequestHead request_;
  std::optional<HttpBody> body_;
  std::size_t discarded_ = 0;

  Exchange* exchange_ = nullptr;  // that has not been answered yet
  bool* is_destroyed_ = nullptr;  // while the handler is asked
  Instant deadline_ = Instant::never();
  Instant idle_deadline_ = Instant::never();  // of the head that is awaited, while nothing of it has come
  Instant unsent_deadline_ = Instant::never();
  Alarm alarm_{*this};
  Node work_{[](Ready& node) { static_cast<Node&>(node).connection.work(); }, *this};
  Node flush_{[](Ready& node) { static_cast<Node&>(node).connection.flush(); }, *this};
  Node over_{[](Ready& node) { static_cast<Node&>(node).connection.tell_over(); }, *this};
};

}  // namespace parley::net
