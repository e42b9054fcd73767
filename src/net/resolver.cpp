#include "net/resolver.h"

#include <pthread.h>
#include <signal.h>

#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "async/wait.h"

namespace parley::net {

// Shared by the one who waits and the thread that asks, whoever goes first.
struct Resolver::Lookup {
  std::string host;
  std::uint16_t port = 0;
  Ask ask = nullptr;
  std::shared_ptr<std::atomic<int>> under_way;
  std::optional<Result<std::vector<SocketAddress>>> answer;  // handed over by the loop's queue

  std::mutex mutex;
  io::Loop* loop = nullptr;  // null when nobody waits any more; changed on the loop's thread alone
  Event* done = nullptr;     // the same
};

class Resolver::Interest {
 public:
  Interest(std::shared_ptr<Lookup> lookup, io::Loop& loop) : lookup_(std::move(lookup)) {
    lookup_->loop = &loop;
    lookup_->done = &done;
  }
  ~Interest() {
    const std::lock_guard lock(lookup_->mutex);
    lookup_->loop = nullptr;
    lookup_->done = nullptr;
  }
  Interest(const Interest&) = delete;
  Interest& operator=(const Interest&) = delete;
  Event done;

 private:
  std::shared_ptr<Lookup> lookup_;
};

Task<Result<std::vector<SocketAddress>>> Resolver::resolve(std::string host, std::uint16_t port) {
  if (under_way_->fetch_add(1) >= lookups_max) {
    under_way_->fetch_sub(1);
    co_return fail(Code::overloaded, "resolving " + host + ": too many lookups are under way");
  }
  auto lookup = std::make_shared<Lookup>();
  lookup->host = std::move(host);
  lookup->port = port;
  lookup->ask = ask_;
  lookup->under_way = under_way_;
  Interest interest(lookup, loop_);
  co_await begin(lookup);
  co_await interest.done.wait();
  co_return *std::move(lookup->answer);
}

Result<void> Resolver::begin(std::shared_ptr<Lookup> lookup) {
  // Signals of the process are for the program's own threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> begun;
  try {
    std::thread([lookup] { run(lookup); }).detach();
  } catch (const std::system_error& error) {
    lookup->under_way->fetch_sub(1);
    begun = fail(Code::overloaded, "resolving " + lookup->host + ": no thread: " + error.what());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return begun;
}

void Resolver::run(std::shared_ptr<Lookup> lookup) {
  auto answer = lookup->ask(lookup->host, lookup->port);
  lookup->under_way->fetch_sub(1);
  const std::lock_guard lock(lookup->mutex);
  if (!lookup->loop) return;
  // While the lock is held the one who waits cannot go, nor the loop after it.
  lookup->loop->post([lookup, answer = std::move(answer)]() mutable {
    if (!lookup->done) return;
    lookup->answer = std::move(answer);
    lookup->done->set();
  });
}

}  // namespace parley::net
