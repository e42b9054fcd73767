#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/window/receive_window.h"
#include "core/window/send_window.h"
#include "runtime/framed_link.h"

namespace parley::runtime {

// A link that goes on over another link when the one below it breaks: its session sees it unbroken. Each message is
// numbered when it moves to the link below, and kept until the peer has acknowledged it; on the next link what the peer
// lacks is sent again, byte for byte. A link over which the peer leaves out a message is left, too, and the next one
// brings it; a peer that never does breaks the rules. What may not be kept, because too much is, waits as behind a slow
// peer. Without a link below it is blocked; when that lasts longer than Limits::stable_away_max it ends `lost`. A peer
// that has not acknowledged everything and says nothing for Limits::stable_silence_max is asked for a sign of life, and
// when none comes for as long again, the link below is taken for broken. Passes no descriptors. On one loop.
class StableLink : public io::Link, private io::LinkEvents {
 public:
  // What the first message in each direction is numbered. Other numbers than 0 are for tests of the wrap.
  struct FirstNumbers {
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
  };
  StableLink(io::Loop& loop, const Limits& limits, io::Peer peer, FirstNumbers first);
  ~StableLink() override;

  void start(io::LinkEvents& events) override;
  OutBuffer& out() override { return data_; }
  OutBuffer& control() override { return is_blocked_ ? control_ : data_; }
  void committed() override;
  void committed_later() override;
  void flush() override;
  bool is_blocked() const override { return is_blocked_; }
  std::size_t bytes_kept() const override { return sent_.bytes(); }
  void finish() override;
  bool outlives_streams() const override { return true; }
  const io::Peer& peer() const override { return peer_; }  // of the last link
  Result<std::uint64_t> attach(std::span<io::Descriptor> with) override;
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override;
  void set_frame_bytes_max(std::size_t bytes) override;

  // Closes a link that may be telling something just now.
  static void bury(io::Loop& loop, std::unique_ptr<FramedLink> link);

 protected:
  // The link below from now on, in place of any other; messages go to on_hello() until go_on().
  void take(std::unique_ptr<FramedLink> link);
  FramedLink& below() { return *below_; }
  std::optional<std::uint32_t> last_received() const { return received_.last(); }
  // What the peer lacks, by what it says that it has; see core::SendWindow::resume().
  Result<ByteView> missing(std::optional<std::uint32_t> peer_has) { return sent_.resume(peer_has); }
  // The hellos have been exchanged: sends that, and goes on.
  void go_on(ByteView missing);
  // Goes on without a link below, until there is one or the time is up.
  void lose_link();
  // For good.
  void end(const Error& error);
  bool has_ended() const { return has_told_end_; }
  // The link was left because the peer left out a message; it is there, and has said nothing new since.
  bool misses_messages() const { return gaps_ != 0; }
  io::Loop& loop() const { return loop_; }

  // Once started.
  virtual void on_start() {}
  // False: nothing more is wanted of that link.
  virtual bool on_hello(ByteView message) = 0;
  // The link below is gone.
  virtual void on_away() {}
  // Nobody can go on with it any more.
  virtual void on_over() {}

 private:
  struct Flush final : Ready {
    explicit Flush(StableLink& link) : Ready(&Flush::run), link(link) {}
    static void run(Ready& node) { static_cast<Flush&>(node).link.flush(); }
    StableLink& link;
  };
  struct Fail final : Ready {
    explicit Fail(StableLink& link) : Ready(&Fail::run), link(link) {}
    static void run(Ready& node) { static_cast<Fail&>(node).link.end({Code::outbound_full, "control messages"}); }
    StableLink& link;
  };
  struct Away final : Timer {
    explicit Away(StableLink& link) : Timer(&Away::fire), link(link) {}
    static void fire(Timer& timer);
    StableLink& link;
  };
  struct Silence final : Timer {
    explicit Silence(StableLink& link) : Timer(&Silence::fire), link(link) {}
    static void fire(Timer& timer) { static_cast<Silence&>(timer).link.on_silence(); }
    StableLink& link;
  };

  bool on_message(ByteView message, Block* block) override;
  void on_link_ended(const Error* error) override;
  void on_link_drained() override { flush(); }

  bool on_frame(ByteView bytes, Block* block);
  bool break_off(const Error& error);
  bool leave_for(const Error& gap);
  void tell_end(const Error* error);
  bool move(OutBuffer& buffer, core::SendWindow::Bounds beyond);
  void send(ByteView message);
  void ask_for_acknowledgement(bool is_full);
  void acknowledge_while_full();
  bool has_asked() const { return ping_ && sent_.holds(*ping_); }
  void ping();
  void listen_for_silence();
  void on_silence();
  void flush_later();
  void finish_if_empty();
  void drop_link();

  io::Loop& loop_;
  const std::size_t flush_bytes_;
  const std::size_t control_bytes_max_;
  const Duration away_max_;
  const Duration silence_max_;
  const core::SendWindow::Bounds bounds_;
  std::size_t message_bytes_max_;
  io::Peer peer_;
  io::LinkEvents* events_ = nullptr;
  std::unique_ptr<FramedLink> below_;

  core::SendWindow sent_;
  core::ReceiveWindow received_;
  std::optional<std::uint32_t> ping_;     // the last that asked for an acknowledgement
  std::uint32_t gaps_ = 0;                // since the peer said anything new
  std::optional<std::uint32_t> awaited_;  // the last that is more than an answer to a ping
  OutBuffer data_;
  OutBuffer control_;
  Flush flush_{*this};
  Fail fail_{*this};
  Away away_{*this};
  Silence silence_{*this};  // of a peer that has not acknowledged everything
  // What had come and gone over the link below when the silence was looked at last.
  std::uint64_t bytes_come_ = 0;
  std::uint64_t bytes_gone_ = 0;
  bool is_joined_ = false;       // hellos have been exchanged over the link below
  bool has_joined_ = false;      // over some link
  bool has_been_asked_ = false;  // the peer, for a sign of life
  bool owes_answer_ = false;     // more than answers to pings came, and nothing was sent since
  bool is_blocked_ = true;
  bool is_finishing_ = false;
  bool has_said_end_ = false;   // over the link below
  bool wants_messages_ = true;  // the session does
  bool has_told_end_ = false;   // nothing comes any more
  bool is_dead_ = false;        // and nothing is written
};

}  // namespace parley::runtime
