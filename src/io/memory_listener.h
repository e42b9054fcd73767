#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/memory_stream.h"
#include "io/stream.h"

namespace parley::io {

// Listens at mem:<name>, for dialers of the same loop. Streams that were dialed before start() wait, a bounded number
// of them; those still waiting at destruction are closed, which the dialer sees as the end.
class MemoryListener final : public Listener {
 public:
  static constexpr std::size_t waiting_max = 128;

  // A name that is taken: Code::in_use.
  static Result<std::unique_ptr<Listener>> listen(Loop& loop, std::string name, MemoryOptions options = {});

  ~MemoryListener() override;
  MemoryListener(const MemoryListener&) = delete;
  MemoryListener& operator=(const MemoryListener&) = delete;

  void start(ListenerEvents& events) override;
  const std::string& address() const override { return address_; }

  // What a dialer calls: one end of a new pair; the other one is handed out through the ready queue.
  Result<std::unique_ptr<Stream>> connect(std::optional<Peer::Credentials> dialer);

 private:
  struct Report final : Ready {
    Report(Run run, MemoryListener& owner) : Ready(run), listener(owner) {}
    MemoryListener& listener;
  };
  MemoryListener(Loop& loop, std::string name, MemoryOptions options);
  void report();

  Loop& loop_;
  const std::string name_;
  const std::string address_;
  const MemoryOptions options_;
  ListenerEvents* events_ = nullptr;
  std::vector<std::unique_ptr<Stream>> waiting_;
  bool* is_destroyed_ = nullptr;
  Report ready_;
};

// Dials mem:<name>, as somebody else where credentials are given, as on a Unix socket. Nobody listening there:
// Code::address.
class MemoryDialer final : public Dialer {
 public:
  MemoryDialer(Loop& loop, std::string name, std::optional<Peer::Credentials> as = std::nullopt)
      : loop_(loop), name_(std::move(name)), address_("mem:" + name_), as_(as) {}
  Task<Result<std::unique_ptr<Stream>>> dial() override;
  const std::string& address() const override { return address_; }

 private:
  Loop& loop_;
  const std::string name_;
  const std::string address_;
  const std::optional<Peer::Credentials> as_;
};

}  // namespace parley::io
