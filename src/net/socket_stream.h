#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/limits.h"
#include "io/descriptor_inbox.h"
#include "io/stream.h"
#include "net/epoll_reactor.h"
#include "net/gathering_stream.h"

namespace parley::net {

// A connected stream socket. Holds no buffers; asks the kernel once for each event. On a Unix socket it passes
// descriptors and names the peer's credentials. A write that fails ends writing only: what the peer had sent before can
// still be read, and reading then ends or fails.
class SocketStream final : public io::Stream, public GatheringStream, private EpollSource {
 public:
  // Takes a connected SOCK_STREAM socket over. The address is for people; credentials are asked of the kernel. Sets
  // TCP_NODELAY and a keepalive of 15 s where that applies.
  static std::unique_ptr<io::Stream> make(EpollReactor& reactor, io::Descriptor socket, std::string address);

  ~SocketStream() override = default;

  using io::Stream::write_some;
  void start(io::StreamEvents& events) override;
  io::Transfer read_some(std::span<std::uint8_t> into) override;
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override;
  io::Transfer write_both(ByteView first, ByteView second) override;
  void want_writable() override;
  void finish() override;
  Error failure() const override;
  const io::Peer& peer() const override { return peer_; }
  bool passes_descriptors() const override { return is_local_; }
  std::uint64_t descriptors_passed() const override { return passed_; }
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override;

 private:
  SocketStream(EpollReactor& reactor, io::Descriptor socket, io::Peer peer, bool is_local);
  void on_input() override;
  void on_output() override;
  bool on_spin() override;
  std::ptrdiff_t receive(std::span<std::uint8_t> into);
  std::ptrdiff_t send(ByteView from, std::span<const io::Descriptor> with);
  io::Transfer wrote(std::ptrdiff_t count);
  bool take_descriptors(const void* header);
  io::Transfer fail_reading(Error why);
  io::Transfer fail_writing(Error why);

  io::StreamEvents* events_ = nullptr;
  io::Peer peer_;
  io::DescriptorInbox inbox_;
  std::uint64_t passed_ = 0;
  std::unique_ptr<Error> failure_;  // the first one
  const bool is_local_;
  bool is_read_over_ = false;
  bool is_read_dead_ = false;
  bool is_write_dead_ = false;
  bool is_finished_ = false;
  bool is_unwatched_ = false;    // the system refused to watch it
  bool wants_writable_ = false;  // asked for before start()
};

// Two streams that are connected with each other; what one process hands to another, or a test to itself.
Result<std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>>> make_socket_pair(EpollReactor& reactor);

}  // namespace parley::net
