#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "io/loop.h"
#include "net/tcp_address.h"

namespace parley::net {

// Asks the system for the addresses of a name on a thread of its own, because the system's resolver blocks. Dropping
// the task leaves the thread to end by itself; a bounded number of them may be under way.
class Resolver {
 public:
  using Ask = Result<std::vector<SocketAddress>> (*)(const std::string& host, std::uint16_t port);
  static constexpr int lookups_max = 4;

  explicit Resolver(io::Loop& loop, Ask ask = &net::resolve) : loop_(loop), ask_(ask) {}
  Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port);

 private:
  struct Lookup;
  class Interest;
  static Result<void> begin(std::shared_ptr<Lookup> lookup);
  static void run(std::shared_ptr<Lookup> lookup);

  io::Loop& loop_;
  const Ask ask_;
  std::shared_ptr<std::atomic<int>> under_way_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace parley::net
