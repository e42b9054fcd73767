#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/wait.h"
#include "io/http.h"
#include "io/loop.h"
#include "net/http_body.h"
#include "net/http_head.h"

namespace parley::net {

// How much of a body may wait to be taken, and what is said of more.
struct HttpBodyBound {
  std::size_t bytes_max = 0;
  Error beyond;
};

// One connection to a server, and the one request that it serves at a time. Owned by whom it serves, and by the pool
// while it is idle. What comes is put into its parts at once and waits to be taken. Destroying it closes the stream.
class HttpClientConnection final : private io::StreamEvents {
 public:
  HttpClientConnection(io::Loop& loop, std::unique_ptr<io::Stream> stream, const io::HttpClientOptions& options);
  HttpClientConnection(const HttpClientConnection&) = delete;
  HttpClientConnection& operator=(const HttpClientConnection&) = delete;

  // `bytes`: head and body of the request, in one write if the stream takes them.
  void ask(std::shared_ptr<const std::string> bytes, bool is_head_only, HttpBodyBound bound);
  // Set whenever something below may have changed.
  Event& news() { return news_; }
  bool has_head() const { return head_.has_value(); }
  io::HttpResponse take_head() { return std::move(head_->response); }
  bool has_part() const { return !part_.empty(); }
  std::string take_part() { return std::exchange(part_, {}); }
  bool is_whole() const { return is_whole_; }
  const std::optional<Error>& failure() const { return failure_; }
  bool has_sent() const { return sent_ != 0; }   // any of the request
  bool has_heard() const { return has_heard_; }  // any of the answer

  // Whether another request may follow.
  bool is_reusable() const;
  // While nobody asks: `tell` is called, from the ready queue, once it is of no use any more, or nobody asked for so
  // long. It may be destroyed then.
  class IdleEvents {
   public:
    virtual void on_idle_over(HttpClientConnection& connection) = 0;

   protected:
    ~IdleEvents() = default;
  };
  void rest(IdleEvents& events, Instant until);

 private:
  struct Node final : Ready {
    explicit Node(HttpClientConnection& owner)
        : Ready([](Ready& node) { static_cast<Node&>(node).connection.tell_idle_over(); }), connection(owner) {}
    HttpClientConnection& connection;
  };
  struct Alarm final : Timer {
    explicit Alarm(HttpClientConnection& owner)
        : Timer([](Timer& timer) { static_cast<Alarm&>(timer).connection.end_idle(); }), connection(owner) {}
    HttpClientConnection& connection;
  };

  void on_readable() override;
  void on_writable() override { write(); }
  void write();
  void read(std::string_view bytes);
  void read_parts();
  bool read_head();
  void read_body();
  void on_end();
  void fail_with(Error why);
  void end_idle();
  void tell_idle_over();

  io::Loop& loop_;
  const io::HttpClientOptions options_;
  std::unique_ptr<io::Stream> stream_;
  Event news_;

  std::shared_ptr<const std::string> request_;
  std::size_t sent_ = 0;
  bool is_head_only_ = false;
  HttpBodyBound bound_;

  std::string in_;
  HttpHeadEnd head_end_;
  int heads_ = 0;  // of the answer, with those that only promise another
  bool has_heard_ = false;
  std::optional<HttpResponseHead> head_;
  std::optional<HttpBody> body_;
  std::string part_;
  bool is_whole_ = true;
  bool is_used_up_ = false;  // nothing may follow
  std::optional<Error> failure_;

  IdleEvents* idle_events_ = nullptr;
  Alarm alarm_{*this};
  Node idle_over_{*this};
};

}  // namespace parley::net
