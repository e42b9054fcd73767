#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "base/out_buffer.h"
#include "io/stream.h"

namespace parley::io {

class LinkEvents {
 public:
  // One whole message, as it was sent; it lies in `block` (null: only valid during the call). False: the receiver has
  // closed the link and wants no more.
  virtual bool on_message(ByteView message, Block* block) = 0;
  // The last event: the peer has finished (no error) or the link is dead. It stays so.
  virtual void on_link_ended(const Error* error) = 0;
  // Bytes that were held back by a slow peer have left.
  virtual void on_link_drained() = 0;
  // What a link that goes on over others had to do for that, to be counted.
  enum class News : std::uint8_t {
    resumed,   // it goes on over another one
    resent,    // a message was sent again
    repeated,  // one came that had been received before, and was dropped
    silent,    // nothing came for too long, so the one below was left
  };
  virtual void on_link_news(News what, std::uint64_t times) {
    static_cast<void>(what);
    static_cast<void>(times);
  }

 protected:
  ~LinkEvents() = default;
};

// Ordered whole messages between two ends; one sent is one received, never merged or cut. Messages are encoded into
// out() behind a length of four bytes, little-endian (wire/frame.h), whatever the link makes of it on its medium. What
// has been committed leaves by itself when the ready queue drains, in one write, or earlier by flush().
class Link {
 public:
  virtual ~Link() = default;
  virtual void start(LinkEvents& events) = 0;

  virtual OutBuffer& out() = 0;
  // Where control messages go: the same as out() while bytes flow; while the peer does not read, a buffer that is sent
  // before what is waiting in out(). A message about something announced in out() may only go there once
  // out().sent() has passed the announcement.
  virtual OutBuffer& control() = 0;
  // Says that something was committed to out() or control(). The second writes nothing now, however much there is: for
  // destructors, which do no I/O.
  virtual void committed() = 0;
  virtual void committed_later() = 0;
  virtual void flush() = 0;
  virtual bool is_blocked() const = 0;
  // What was sent and is kept, because it may have to be sent again.
  virtual std::size_t bytes_kept() const { return 0; }

  // Sends what is committed, then the end of our direction. Nothing may be committed afterwards.
  virtual void finish() = 0;
  virtual const Peer& peer() const = 0;
  // Also of messages that are not whole yet: a sign that the peer is there.
  virtual std::uint64_t bytes_received() const { return 0; }
  // Goes on over another stream when one is cut, and sees for itself whether the peer is there.
  virtual bool outlives_streams() const { return false; }
  // Descriptors that travel with the next message begun in out(), which then starts a write of its own; at most
  // Limits::descriptors_max with one. Gives the number of the first. What is refused stays the caller's. Those whose
  // message never leaves are closed with the link. Errors: unsupported, too_many_descriptors, invalid (one that is not
  // open), closed.
  virtual Result<std::uint64_t> attach(std::span<Descriptor> with) {
    static_cast<void>(with);
    return fail(no_descriptors("this link"));
  }
  // Takes a received one by its number; it is there when a message is that was sent behind it.
  virtual Result<Descriptor> claim_descriptor(std::uint64_t number) {
    static_cast<void>(number);
    return fail(no_descriptors("this link"));
  }
  // The longest message that is received from now on.
  virtual void set_frame_bytes_max(std::size_t bytes) = 0;
};

}  // namespace parley::io
