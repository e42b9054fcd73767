#pragma once

#include <memory>
#include <optional>

#include "base/out_buffer.h"
#include "io/loop.h"
#include "io/stream.h"
#include "net/gathering_stream.h"

namespace parley::net {

// A stream whose bytes travel over another one in some other form, behind a handshake: what TLS and WebSocket have in
// common. Whoever uses it may read and write from the beginning; until the handshake is over both would block. What the
// stream below does not take waits here, bounded by one write; whoever reads less than was decoded is told again in the
// loop's next turn. On one loop; destroying it closes the stream below at once and says no goodbye.
class CodedStream : public io::Stream, private io::StreamEvents {
 public:
  ~CodedStream() override;

  using io::Stream::write_some;
  void start(io::StreamEvents& events) final;
  io::Transfer read_some(std::span<std::uint8_t> into) final;
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) final;
  void want_writable() final;
  void finish() final;
  Error failure() const final { return failure_ ? *failure_ : Error{}; }
  const io::Peer& peer() const final { return peer_; }

 protected:
  CodedStream(io::Loop& loop, std::unique_ptr<io::Stream> inner);

  // Goes on with the handshake; true once it is over.
  virtual bool open() = 0;
  // Reads from inner() what it needs. Ends and failures are final.
  virtual io::Transfer decode(std::span<std::uint8_t> into) = 0;
  // Whether decode() might move something without inner().
  virtual bool has_undecoded() const = 0;
  // Puts some of the bytes into out(), which is empty; how many. None after fail_both(), or where something has to be
  // read first.
  virtual std::size_t encode(ByteView from) = 0;
  // How many of the bytes that encode() left may go as they are behind what is in out(); only where gathers().
  virtual std::size_t uncoded(ByteView rest) {
    static_cast<void>(rest);
    return 0;
  }
  // So many of them went.
  virtual void passed_on(std::size_t size) { static_cast<void>(size); }
  // Puts what says that nothing follows into out().
  virtual void encode_end() = 0;
  // Puts into out(), which is empty, what else should leave; false if there is nothing.
  virtual bool encode_more() { return false; }
  // Nothing will be read any more: what is kept for that can go.
  virtual void drop_input() {}
  // Once, from start().
  virtual void on_started() {}

  io::Loop& loop() { return loop_; }
  io::Stream& inner() { return *inner_; }
  OutBuffer& out() { return out_; }
  io::Peer& peer_to_change() { return peer_; }
  bool is_open() const { return is_open_; }
  bool is_reading_over() const { return read_over_.has_value(); }
  bool gathers() const { return gathering_ != nullptr; }
  bool can_write() const { return is_open_ && !is_write_dead_ && !is_finished_; }

  // The peer broke the rules or went: nothing is read or written any more. What is in out() still leaves, and then the
  // end; the first reason counts.
  io::Transfer fail_both(Error why);
  // The same where inner() has failed.
  io::Transfer fail_as_inner();
  // write_some() of what `encode` puts into out(), which is empty; it says how many bytes that were.
  template <class Encode>
  io::Transfer write_encoded(Encode encode) {
    if (!is_open_) advance();
    if (!is_open_ || is_write_dead_ || !flush() || is_write_dead_) return not_written();
    const std::uint64_t before = bytes_left_;
    const std::size_t taken = encode();
    flush();
    // Of what has left in part nobody may say that it has not.
    if (taken != 0 && (!is_write_dead_ || bytes_left_ != before)) return {io::Transfer::Status::moved, taken};
    write_waits_for_read_ = taken == 0 && !is_below_full_;
    return not_written();
  }
  // Why nothing may be written now; not `moved` if something may.
  std::optional<io::Transfer> refuse_write(std::span<const io::Descriptor> with);
  // False: something still waits to leave.
  bool flush();
  // decode() has read enough for one turn without something to show for it, and goes on in the next.
  void go_on_later() { goes_on_ = true; }
  // For timers: tells the reader that something has changed.
  void report_later();

 private:
  struct Again final : Timer {
    explicit Again(CodedStream& owner)
        : Timer([](Timer& timer) { static_cast<Again&>(timer).stream.on_again(); }), stream(owner) {}
    CodedStream& stream;
  };
  // Timers resume nothing.
  struct Report final : Ready {
    explicit Report(CodedStream& owner)
        : Ready([](Ready& node) { static_cast<Report&>(node).stream.report_news(); }), stream(owner) {}
    CodedStream& stream;
  };

  void on_readable() override;
  void on_writable() override;
  bool on_spin() override;
  void on_again();
  void advance();
  io::Transfer fail_writing(Error why);
  void fail_as_below();
  io::Transfer not_written();
  std::size_t pass_on(ByteView rest);
  void discard();
  bool has_news() const { return has_more_ || (read_over_ && !has_told_over_); }
  void report();
  void report_news();

  io::Loop& loop_;
  std::unique_ptr<io::Stream> inner_;
  GatheringStream* const gathering_;  // inner_, if it is one
  io::Peer peer_;
  OutBuffer out_;
  std::uint64_t bytes_left_ = 0;  // that inner_ took
  io::StreamEvents* events_ = nullptr;
  std::unique_ptr<Error> failure_;
  std::optional<io::Transfer::Status> read_over_;  // ended or failed
  bool is_open_ = false;
  bool has_told_over_ = false;
  bool has_more_ = false;  // decoded or decodable, without news from below
  bool goes_on_ = false;
  bool has_spun_ = false;  // something was read that the reader wants to be told of
  bool is_write_dead_ = false;
  bool is_inner_write_dead_ = false;
  bool is_finished_ = false;
  bool has_finished_inner_ = false;
  bool wants_writable_ = false;
  bool write_waits_for_read_ = false;
  bool is_below_full_ = false;    // inner_ took nothing of what was passed on
  bool* is_destroyed_ = nullptr;  // while something is being reported
  Again again_{*this};
  Report report_{*this};
};

}  // namespace parley::net
