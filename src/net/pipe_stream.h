#pragma once

#include <memory>
#include <span>
#include <string>

#include "io/stream.h"
#include "net/epoll_reactor.h"

namespace parley::net {

// A stream over one descriptor to read from and another one to write to: pipes, standard input and output, files,
// terminals. Either may be missing: reading then ends at once, writing fails. Descriptors are made non-blocking and put
// back as they were at the end, because the other processes that have them open see that. No signal is raised when the
// reader is gone.
class PipeStream final : public io::Stream {
 public:
  PipeStream(EpollReactor& reactor, io::Descriptor in, io::Descriptor out, std::string address);
  PipeStream(const PipeStream&) = delete;
  PipeStream& operator=(const PipeStream&) = delete;

  using io::Stream::write_some;
  void start(io::StreamEvents& events) override;
  io::Transfer read_some(std::span<std::uint8_t> into) override;
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override;
  void want_writable() override;
  void finish() override;
  Error failure() const override { return failure_ ? *failure_ : Error{}; }
  const io::Peer& peer() const override { return peer_; }

 private:
  // One direction. Sockets, which some launchers give for standard input and output, are asked not to block call by
  // call instead.
  class Side final : public EpollSource {
   public:
    Side(EpollReactor& reactor, io::Descriptor descriptor, PipeStream& owner);
    ~Side();
    using EpollSource::reactor;
    using EpollSource::watch_input;
    using EpollSource::watch_output;
    void close();

    const bool is_open_for_use;
    const bool is_socket;

   private:
    void on_input() override { stream_.events_->on_readable(); }
    void on_output() override { stream_.events_->on_writable(); }
    bool on_spin() override { return stream_.events_->on_spin(); }
    void put_flags_back();

    PipeStream& stream_;
    int flags_before_ = -1;  // if they were changed
  };
  io::Transfer fail_writing(Error why);

  io::StreamEvents* events_ = nullptr;
  const io::Peer peer_;
  std::unique_ptr<Error> failure_;
  bool is_read_over_ = false;
  bool is_read_dead_ = false;
  bool is_write_dead_ = false;
  bool is_finished_ = false;
  bool is_unwatched_ = false;    // the system refused to watch what is read from
  bool wants_writable_ = false;  // asked for before start()
  Side in_;
  Side out_;
};

}  // namespace parley::net
