#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

#include "async/executor.h"
#include "io/loop.h"
#include "io/stream.h"
#include "net/epoll_reactor.h"
#include "net/socket_file.h"

namespace parley::net {

struct ListenOptions {
  int waiting_max = 1024;  // connections that the kernel queues for us
  // How long no connection is accepted after the process has run out of descriptors; they wait in the kernel.
  Duration pause = std::chrono::milliseconds(100);
};

// Accepts streams at a listening socket, a bounded number in one turn. Connections that died before they were accepted
// are skipped. Without a free descriptor it pauses: nothing spins, and what is open goes on.
class SocketListener final : public io::Listener, private EpollSource {
 public:
  struct Stats {
    std::uint64_t accepted = 0;
    std::uint64_t skipped = 0;  // died while they waited
    std::uint64_t paused = 0;   // for lack of descriptors or memory
  };

  // What an error of accept() is about: one connection, none at all, the process, or the listener itself.
  enum class Verdict : std::uint8_t { skip, nothing, pause, stop };
  static Verdict judge(int error);

  // Takes a socket that listens; `file` is where, for a Unix socket.
  SocketListener(io::Loop& loop, EpollReactor& reactor, io::Descriptor socket, std::string address,
                 std::unique_ptr<SocketFile> file, ListenOptions options);
  ~SocketListener() override;

  void start(io::ListenerEvents& events) override;
  const std::string& address() const override { return address_; }
  const Stats& stats() const { return stats_; }

 private:
  static constexpr int batch_max = 16;
  struct Resume final : Timer {
    Resume(Fire fire, SocketListener& owner) : Timer(fire), listener(owner) {}
    SocketListener& listener;
  };

  void on_input() override;
  void on_output() override {}
  void pause();
  void stop(Error why);
  std::string peer_address(const sockaddr_storage& address) const;

  io::Loop& loop_;
  const std::string address_;
  const ListenOptions options_;
  std::unique_ptr<SocketFile> file_;
  io::ListenerEvents* events_ = nullptr;
  std::unique_ptr<Error> failure_;  // the system refused to watch the socket
  bool* is_destroyed_ = nullptr;    // while streams are handed out
  Stats stats_;
  Resume resume_;
};

}  // namespace parley::net
