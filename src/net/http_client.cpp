#include "net/http_client.h"

#include <fmt/format.h>

#include <utility>

#include "async/event_timer.h"
#include "net/http_pool.h"

namespace parley::net {

namespace {

using Pool = std::shared_ptr<HttpPool>;

// A request whose answer has begun, and what it holds.
struct Asked {
  std::unique_ptr<HttpClientConnection> connection;
  HttpPool::Permit permit;
};

struct Question {
  std::shared_ptr<const std::string> bytes;
  bool is_head_only = false;
  bool is_safe = false;  // it changes nothing, and may be asked again
};

Result<Question> question_of(io::HttpRequest request, const HttpUrl& url) {
  if (request.target.empty()) request.target = url.target;
  PARLEY_TRY(std::string bytes, write_http_request(request, url.host));
  const bool is_head_only = request.method == "HEAD";
  return Question{std::make_shared<const std::string>(std::move(bytes)), is_head_only,
                  is_head_only || request.method == "GET" || request.method == "OPTIONS"};
}

// What became of a request that was being sent when its connection ended.
Error lost(const HttpClientConnection& connection, bool is_safe, const HttpPool& pool) {
  Error error = *connection.failure();
  if (error.code == Code::link_lost && connection.has_sent() && !is_safe) error.code = Code::sent_then_lost;
  error.note = fmt::format("{}: {}", pool.dialer->address(), error.note);
  return error;
}

Error too_late(const HttpPool& pool) { return {Code::deadline, "waiting for " + pool.dialer->address()}; }

// Until the head of the answer has come.
Task<Result<Asked>> ask(Pool pool, Question question, HttpBodyBound bound, Instant until) {
  HttpPool::Permit permit = co_await co_await HttpPool::permit(pool, until);
  for (bool may_reuse = true;; may_reuse = false) {
    std::unique_ptr<HttpClientConnection> connection = may_reuse ? pool->take_idle() : nullptr;
    const bool is_reused = connection != nullptr;
    if (!connection) {
      auto stream = co_await co_await HttpPool::dial(pool, until);
      connection = std::make_unique<HttpClientConnection>(pool->loop, std::move(stream), pool->options);
    }
    connection->ask(question.bytes, question.is_head_only, bound);
    {
      const EventTimer alarm(pool->loop, connection->news(), until);
      while (!connection->has_head() && !connection->failure()) {
        if (pool->loop.now() >= until) co_return fail(too_late(*pool));
        connection->news().reset();
        co_await connection->news().wait();
      }
    }
    if (connection->has_head()) co_return Asked{std::move(connection), std::move(permit)};
    const bool may_be_done = connection->has_sent() && !question.is_safe;
    if (!is_reused || may_be_done || connection->has_heard()) {
      co_return fail(lost(*connection, question.is_safe, *pool));
    }
  }
}

class Stream final : public io::HttpStream {
 public:
  Stream(Pool pool, Asked asked, bool is_safe)
      : pool_(std::move(pool)),
        head_(asked.connection->take_head()),
        is_safe_(is_safe),
        connection_(std::move(asked.connection)),
        permit_(std::move(asked.permit)) {}

  const io::HttpResponse& head() const override { return head_; }

  using io::HttpStream::next;
  Task<Result<std::optional<std::string>>> next(Instant until) override {
    if (!connection_) co_return std::nullopt;
    const EventTimer alarm(pool_->loop, connection_->news(), until);
    for (;;) {
      if (connection_->has_part()) co_return connection_->take_part();
      if (connection_->failure()) co_return fail(lost(*connection_, is_safe_, *pool_));
      if (connection_->is_whole()) break;
      if (pool_->loop.now() >= until) co_return fail(too_late(*pool_));
      connection_->news().reset();
      co_await connection_->news().wait();
    }
    pool_->keep(std::move(connection_));
    permit_.reset();
    co_return std::nullopt;
  }

 private:
  Pool pool_;
  const io::HttpResponse head_;
  const bool is_safe_;
  std::unique_ptr<HttpClientConnection> connection_;  // null: the end was reached
  HttpPool::Permit permit_;
};

Task<Result<io::HttpResponse>> request_whole(Pool pool, io::HttpRequest request, Instant until) {
  const Question question = co_await question_of(std::move(request), pool->url);
  const std::size_t bytes_max = pool->options.body_bytes_max;
  Asked asked = co_await co_await ask(
      pool, question,
      {bytes_max, {Code::too_large, fmt::format("the body of an answer is at most {} bytes", bytes_max)}}, until);
  HttpClientConnection& connection = *asked.connection;
  {
    const EventTimer alarm(pool->loop, connection.news(), until);
    while (!connection.is_whole() && !connection.failure()) {
      if (pool->loop.now() >= until) co_return fail(too_late(*pool));
      connection.news().reset();
      co_await connection.news().wait();
    }
  }
  if (!connection.is_whole()) co_return fail(lost(connection, question.is_safe, *pool));
  io::HttpResponse response = connection.take_head();
  response.body = connection.take_part();
  pool->keep(std::move(asked.connection));
  co_return response;
}

Task<Result<std::unique_ptr<io::HttpStream>>> open_stream(Pool pool, io::HttpRequest request, Instant until) {
  const Question question = co_await question_of(std::move(request), pool->url);
  const std::size_t bytes_max = pool->options.ahead_bytes_max;
  Asked asked = co_await co_await ask(
      pool, question,
      {bytes_max, {Code::overloaded, fmt::format("more than {} bytes came that were not read here", bytes_max)}},
      until);
  co_return std::make_unique<Stream>(std::move(pool), std::move(asked), question.is_safe);
}

}  // namespace

HttpClient::HttpClient(io::Loop& loop, std::unique_ptr<io::Dialer> dialer, HttpUrl url, io::HttpClientOptions options)
    : pool_(std::make_shared<HttpPool>(loop, std::move(dialer), std::move(url), options)) {}

Task<Result<io::HttpResponse>> HttpClient::request(io::HttpRequest request, Instant until) {
  return request_whole(pool_, std::move(request), until);
}

Task<Result<std::unique_ptr<io::HttpStream>>> HttpClient::open(io::HttpRequest request, Instant until) {
  return open_stream(pool_, std::move(request), until);
}

const std::string& HttpClient::target() const { return pool_->url.target; }

}  // namespace parley::net
