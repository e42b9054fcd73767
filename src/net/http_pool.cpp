#include "net/http_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "async/event_timer.h"

namespace parley::net {

struct HttpPool::Dialling {
  explicit Dialling(Executor& executor) : scope(executor) {}
  std::optional<Result<std::unique_ptr<io::Stream>>> outcome;
  Event news;
  Scope scope;  // last: its task dies before what it uses
};

Task<Result<HttpPool::Permit>> HttpPool::permit(std::shared_ptr<HttpPool> pool, Instant until) {
  if (pool->in_use_ < std::max<std::size_t>(pool->options.connections_max, 1) && pool->waiting_.empty()) {
    ++pool->in_use_;
    co_return Permit(std::move(pool));
  }
  Waiting waiting(pool);
  pool->waiting_.push_back(waiting);
  const EventTimer alarm(pool->loop, waiting.news, until);
  co_await waiting.news.wait();
  if (!waiting.is_granted) {
    co_return fail(Code::deadline, fmt::format("all {} connections to {} were in use", pool->options.connections_max,
                                               pool->dialer->address()));
  }
  waiting.is_granted = false;  // it has gone on to the permit
  co_return Permit(std::move(pool));
}

void HttpPool::release() {
  if (waiting_.empty()) {
    --in_use_;
    return;
  }
  Waiting& next = waiting_.pop_front();
  next.is_granted = true;
  next.news.set();
}

Task<void> HttpPool::dial_into(Dialling& dialling, io::Dialer& dialer) {
  dialling.outcome = co_await dialer.dial();
  dialling.news.set();
}

Task<Result<std::unique_ptr<io::Stream>>> HttpPool::dial(std::shared_ptr<HttpPool> pool, Instant until) {
  if (until.is_never()) co_return co_await pool->dialer->dial();
  Dialling dialling(pool->loop);
  const EventTimer alarm(pool->loop, dialling.news, until);
  dialling.scope.spawn(dial_into(dialling, *pool->dialer));
  co_await dialling.news.wait();
  if (!dialling.outcome) co_return fail(Code::deadline, "dialling " + pool->dialer->address());
  co_return *std::move(dialling.outcome);
}

std::unique_ptr<HttpClientConnection> HttpPool::take_idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->is_reusable()) return connection;
  }
  return nullptr;
}

void HttpPool::keep(std::unique_ptr<HttpClientConnection> connection) {
  if (!connection->is_reusable() || idle_.size() >= options.connections_max) return;
  connection->rest(*this, loop.now() + options.idle_max);
  idle_.push_back(std::move(connection));
}

void HttpPool::on_idle_over(HttpClientConnection& connection) {
  std::erase_if(idle_, [&](const auto& idle) { return idle.get() == &connection; });
}

}  // namespace parley::net
