#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "async/task.h"
#include "base/bytes.h"
#include "base/error.h"

namespace parley::io {

// An open file descriptor. It carries its own way of closing, because system calls live in other layers.
class Descriptor {
 public:
  using Close = void (*)(int);
  Descriptor() = default;
  Descriptor(int number, Close close) : number_(number), close_(close) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)), close_(other.close_) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
      close_ = other.close_;
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void reset() {
    if (number_ >= 0) close_(std::exchange(number_, -1));
  }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
  Close close_ = nullptr;
};

inline Error no_descriptors(const std::string& where) {
  return {Code::unsupported, where + " passes no descriptors; Unix sockets (unix:, fd:) and mem: do"};
}

// Who is at the other end, as far as the system vouches for it.
struct Peer {
  struct Credentials {
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    friend bool operator==(const Credentials&, const Credentials&) = default;
  };
  std::string address;                     // "unix:/run/app.sock", "tcp:127.0.0.1:4711", for people
  std::optional<Credentials> credentials;  // on Unix sockets
  std::string certificate = {};            // the subject of the one that it proved to own, "CN=worker-7": over TLS
};

// How many descriptors one write may carry.
inline constexpr std::size_t descriptors_per_write_max = 8;

// What one read or write did.
struct Transfer {
  enum class Status : std::uint8_t {
    moved,        // `bytes` of them, at least one
    would_block,  // none now; wait for on_readable() or ask want_writable()
    ended,        // read: the peer has finished sending. It stays so.
    failed,       // the stream is dead for good; failure() says why
  };
  Status status = Status::would_block;
  std::size_t bytes = 0;
};

class StreamEvents {
 public:
  virtual void on_readable() = 0;  // a read may move something, or end, or fail
  virtual void on_writable() = 0;  // once after want_writable()
  // The reactor would rather spin than sleep: read what is there and keep it, act on it at the on_readable() that
  // follows. False if there was nothing.
  virtual bool on_spin() { return false; }

 protected:
  ~StreamEvents() = default;
};

// Ordered bytes between two ends. Non-blocking, on one loop. Destroying it closes it; nothing is reported afterwards.
class Stream {
 public:
  virtual ~Stream() = default;

  // From now on readiness is reported, level-triggered, from the reactor's dispatch() and never from inside a call of
  // the stream. Once in a stream's life; `events` outlives the stream.
  virtual void start(StreamEvents& events) = 0;

  virtual Transfer read_some(std::span<std::uint8_t> into) = 0;
  // Descriptors travel with the first byte of `from` when at least one byte moves; they are then closed here. At most
  // descriptors_per_write_max of them, and only where passes_descriptors().
  virtual Transfer write_some(ByteView from, std::span<Descriptor> with) = 0;
  Transfer write_some(ByteView from) { return write_some(from, {}); }
  virtual void want_writable() = 0;

  // Ends our direction: the peer reads everything written before and then the end. Reading goes on.
  virtual void finish() = 0;

  virtual Error failure() const = 0;
  virtual const Peer& peer() const = 0;

  // Descriptors are numbered 0, 1, 2, ... per direction in the order they were passed. Claiming takes a received one.
  virtual bool passes_descriptors() const { return false; }
  virtual std::uint64_t descriptors_passed() const { return 0; }
  virtual Result<Descriptor> claim_descriptor(std::uint64_t number) {
    static_cast<void>(number);
    return fail(no_descriptors(peer().address));
  }
};

class ListenerEvents {
 public:
  virtual void on_stream(std::unique_ptr<Stream> stream) = 0;
  // The listener goes on after errors of single connections; this says that it stopped for good.
  virtual void on_listener_failed(Error error) = 0;

 protected:
  ~ListenerEvents() = default;
};

// Accepts streams at an address. Destroying it stops listening and removes what it put into the file system.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void start(ListenerEvents& events) = 0;
  // The address that reaches it, with what was chosen by the system filled in: "tcp:127.0.0.1:43211".
  virtual const std::string& address() const = 0;
};

// Opens streams to one address, each time anew. Cancelled by destroying the task.
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> dial() = 0;
  virtual const std::string& address() const = 0;
};

}  // namespace parley::io
