#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "io/http.h"
#include "io/loop.h"
#include "net/http_client_connection.h"
#include "net/http_url.h"

namespace parley::net {

// The connections to one server. Shared by the client and by the tasks and streams that it gave, on one loop.
class HttpPool final : private HttpClientConnection::IdleEvents {
 public:
  HttpPool(io::Loop& loop, std::unique_ptr<io::Dialer> dialer, HttpUrl url, io::HttpClientOptions options)
      : loop(loop), dialer(std::move(dialer)), url(std::move(url)), options(options) {}

  // The right to use one connection; gives it to who waits longest, when it goes.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(std::shared_ptr<HttpPool> pool) : pool_(std::move(pool)) {}
    Permit(Permit&&) noexcept = default;
    Permit& operator=(Permit&& other) noexcept {
      reset();
      pool_ = std::move(other.pool_);
      return *this;
    }
    ~Permit() { reset(); }
    void reset() {
      if (pool_) std::exchange(pool_, nullptr)->release();
    }

   private:
    std::shared_ptr<HttpPool> pool_;
  };
  static Task<Result<Permit>> permit(std::shared_ptr<HttpPool> pool, Instant until);

  static Task<Result<std::unique_ptr<io::Stream>>> dial(std::shared_ptr<HttpPool> pool, Instant until);
  // Null if there is none.
  std::unique_ptr<HttpClientConnection> take_idle();
  // Or closes it.
  void keep(std::unique_ptr<HttpClientConnection> connection);

  io::Loop& loop;
  const std::unique_ptr<io::Dialer> dialer;
  const HttpUrl url;
  const io::HttpClientOptions options;

 private:
  // Of whoever waits for a permit.
  struct Waiting : ListNode {
    explicit Waiting(std::shared_ptr<HttpPool> pool) : pool(std::move(pool)) {}
    ~Waiting() {
      if (is_granted) pool->release();
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    std::shared_ptr<HttpPool> pool;
    bool is_granted = false;
    Event news;
  };
  struct Dialling;

  static Task<void> dial_into(Dialling& dialling, io::Dialer& dialer);
  void release();
  void on_idle_over(HttpClientConnection& connection) override;

  std::size_t in_use_ = 0;
  IntrusiveList<Waiting> waiting_;
  std::vector<std::unique_ptr<HttpClientConnection>> idle_;
};

}  // namespace parley::net
