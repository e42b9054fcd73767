#include "runtime/stable_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "wire/frame.h"
#include "wire/roam/message.h"
#include "wire/roam/stable.h"

namespace parley::runtime {

namespace stable = wire::roam::stable;

namespace {

// Our own frames have been checked when they were made.
constexpr std::size_t no_limit = ~std::size_t{0};
constexpr std::size_t head_bytes_max = wire::frame_head_bytes + stable::frame_head_bytes_max;

// So often the peer may leave out a message before it says anything new.
constexpr std::uint32_t gaps_max = 4;

constexpr std::size_t ping_bytes_max = head_bytes_max + 2 + codec::varint_bytes_max;

// Keeps a link that may be telling something just now, and listens to it no more.
class Grave final : public Mortal, private io::LinkEvents {
 public:
  explicit Grave(std::unique_ptr<FramedLink> content) : content_(std::move(content)) {
    content_->hand_over();
    content_->start(*this);
  }

 private:
  bool on_message(ByteView, Block*) override { return false; }
  void on_link_ended(const Error*) override {}
  void on_link_drained() override {}
  std::unique_ptr<FramedLink> content_;
};

// With less than that an acknowledgement would ask for the next one.
constexpr std::uint32_t items_at_least = 16;
constexpr std::size_t bytes_at_least = std::size_t{4} << 10;

bool is_pong(ByteView message) {
  return message.size() > 1 && message[0] == 0 && message[1] == static_cast<std::uint8_t>(wire::roam::Kind::pong);
}

void append(OutBuffer& out, ByteView bytes) {
  if (bytes.empty()) return;
  std::uint8_t* const cursor = out.room(bytes.size());
  std::memcpy(cursor, bytes.data(), bytes.size());
  out.commit(cursor + bytes.size());
}

}  // namespace

StableLink::StableLink(io::Loop& loop, const Limits& limits, io::Peer peer, FirstNumbers first)
    : loop_(loop),
      flush_bytes_(limits.flush_bytes),
      control_bytes_max_(limits.control_bytes_max),
      away_max_(limits.stable_away_max),
      silence_max_(limits.stable_silence_max),
      bounds_{std::max(limits.stable_items_max, items_at_least), std::max(limits.stable_bytes_max, bytes_at_least)},
      message_bytes_max_(limits.frame_bytes_max),
      peer_(std::move(peer)),
      sent_(bounds_, first.sent),
      received_(first.received),
      data_(loop.blocks()),
      control_(loop.blocks()) {}

StableLink::~StableLink() = default;

void StableLink::start(io::LinkEvents& events) {
  PARLEY_ASSERT(!events_);
  events_ = &events;
  on_start();
}

Result<std::uint64_t> StableLink::attach(std::span<io::Descriptor>) {
  return fail(Code::unsupported, "a stable session passes no descriptors: they could not be sent again");
}
Result<io::Descriptor> StableLink::claim_descriptor(std::uint64_t) {
  return fail(Code::unsupported, "a stable session passes no descriptors: they could not be sent again");
}

void StableLink::set_frame_bytes_max(std::size_t bytes) {
  message_bytes_max_ = bytes;
  if (is_joined_) below_->set_frame_bytes_max(message_bytes_max_ + stable::frame_head_bytes_max);
}

// --- links come and go

void StableLink::take(std::unique_ptr<FramedLink> link) {
  drop_link();
  below_ = std::move(link);
  below_->set_frame_bytes_max(stable::hello_bytes);
  peer_ = below_->peer();
  below_->start(*this);
}

void StableLink::go_on(ByteView missing) {
  away_.disarm();
  is_joined_ = true;
  if (std::exchange(has_joined_, true)) {
    events_->on_link_news(News::resumed, 1);
    if (sent_.size() != 0) events_->on_link_news(News::resent, sent_.size());
  }
  peer_ = below_->peer();  // which may know more than when the link began
  owes_answer_ = false;    // the hello says what has come
  has_said_end_ = false;
  below_->set_frame_bytes_max(message_bytes_max_ + stable::frame_head_bytes_max);
  append(below_->out(), missing);
  below_->committed();
  has_been_asked_ = false;
  bytes_come_ = below_->bytes_received();
  bytes_gone_ = below_->out().sent();
  listen_for_silence();
  flush_later();
}

void StableLink::drop_link() {
  silence_.disarm();
  is_joined_ = false;
  is_blocked_ = true;
  if (below_) bury(loop_, std::move(below_));
}

void StableLink::bury(io::Loop& loop, std::unique_ptr<FramedLink> link) {
  loop.executor().bury(std::make_unique<Grave>(std::move(link)));
}

void StableLink::lose_link() {
  drop_link();
  if (!away_.is_armed()) loop_.executor().arm(away_, loop_.now() + away_max_);
  on_away();
}

void StableLink::Away::fire(Timer& timer) {
  StableLink& link = static_cast<Away&>(timer).link;
  const auto waited = std::chrono::duration<double>(link.away_max_).count();
  link.drop_link();
  link.end({Code::link_lost, fmt::format("there was none for {} s", waited)});
}

// --- a peer that says nothing

// Whoever owes us nothing may be silent. Answers to pings are not waited for: both ends would ask each other for ever.
void StableLink::listen_for_silence() {
  if (awaited_ && sent_.holds(*awaited_) && !silence_.is_armed() && !has_told_end_)
    loop_.executor().arm(silence_, loop_.now() + silence_max_);
}

// A message that takes long to pass is no silence. What the link below takes at once says nothing of the peer; what it
// takes after it was full does.
void StableLink::on_silence() {
  const std::uint64_t come = below_->bytes_received();
  const std::uint64_t gone = below_->out().sent();
  const bool has_heard = std::exchange(bytes_come_, come) != come;
  const bool has_moved = std::exchange(bytes_gone_, gone) != gone;
  if (has_heard || (has_moved && below_->is_blocked())) {
    has_been_asked_ = false;
    return listen_for_silence();
  }
  if (!awaited_ || !sent_.holds(*awaited_)) return;
  if (has_been_asked_) {
    events_->on_link_news(News::silent, 1);
    return lose_link();
  }
  has_been_asked_ = true;
  if (!has_asked() && received_.last()) {
    ping_ = sent_.next();
    ping();
    below_->flush();
  }
  listen_for_silence();
}

void StableLink::on_link_ended(const Error* error) {
  if (has_told_end_) return drop_link();
  const bool is_breach = error && kind(*error) == Kind::protocol && error->code != Code::frame_truncated;
  if (is_breach && is_joined_) {
    break_off(*error);
  } else {
    lose_link();
  }
}

// --- the end

void StableLink::tell_end(const Error* error) {
  if (std::exchange(has_told_end_, true)) return;
  away_.disarm();
  silence_.disarm();
  on_over();
  events_->on_link_ended(error);
}

// The peer broke the rules, and can still be told.
bool StableLink::break_off(const Error& error) {
  if (!is_joined_) {
    end(error);
  } else {
    tell_end(&error);
  }
  return false;
}

void StableLink::end(const Error& error) {
  is_dead_ = true;
  flush_.leave();
  fail_.leave();
  data_.clear();
  control_.clear();
  tell_end(&error);
}

// --- in

bool StableLink::on_message(ByteView message, Block* block) {
  if (has_told_end_) return false;
  if (!is_joined_) return on_hello(message);
  if (!message.empty()) return on_frame(message, block);
  // The peer has said all that it had to say.
  tell_end(nullptr);
  return false;
}

bool StableLink::on_frame(ByteView bytes, Block* block) {
  const Result<stable::Frame> frame = stable::read_frame(bytes);
  if (!frame) return break_off(frame.error());
  if (frame->acknowledged) {
    if (const Result<void> known = sent_.acknowledge(*frame->acknowledged); !known) return break_off(known.error());
  }
  if (is_blocked_) flush_later();
  const Result<core::ReceiveWindow::Verdict> verdict = received_.take(frame->number);
  if (!verdict) return leave_for(verdict.error());
  // A session that wants no more still has things to send, of which acknowledgements come.
  const bool is_fresh = *verdict == core::ReceiveWindow::Verdict::fresh;
  if (is_fresh) gaps_ = 0;
  if (is_fresh && !is_pong(frame->message)) owes_answer_ = true;
  if (!is_fresh) events_->on_link_news(News::repeated, 1);
  if (is_fresh && wants_messages_) wants_messages_ = events_->on_message(frame->message, block);
  return true;
}

// The peer has what is missing, or it would not know that number: the next link brings it. Peers of roam 7.3 leave out
// what they say while they look for a link.
bool StableLink::leave_for(const Error& gap) {
  if (++gaps_ > gaps_max) return break_off(gap);
  lose_link();
  return false;
}

// --- out

void StableLink::committed() {
  if (data_.size() >= flush_bytes_ && !is_blocked_ && !is_dead_) {
    flush();
  } else {
    committed_later();
  }
}

void StableLink::committed_later() {
  if (is_dead_) [[unlikely]] {
    data_.clear();
    control_.clear();
    return;
  }
  flush_later();
  if (control_.size() > control_bytes_max_ && !fail_.is_linked()) [[unlikely]]
    loop_.executor().post(fail_);
}

void StableLink::flush_later() {
  if (!flush_.is_linked()) loop_.executor().post_after_drain(flush_);
}

// Control messages overtake data, and may be kept beyond the bounds for that.
void StableLink::flush() {
  flush_.leave();
  if (!is_joined_) return;
  if (is_dead_) return finish_if_empty();
  const bool was_blocked = is_blocked_;
  const bool has_moved_all = move(control_, {bounds_.items, control_bytes_max_}) && move(data_, {0, 0});
  const bool is_full = !has_moved_all && !below_->is_blocked();
  ask_for_acknowledgement(is_full);
  if (is_full) acknowledge_while_full();
  below_->flush();
  is_blocked_ = !has_moved_all || below_->is_blocked();
  finish_if_empty();
  if (was_blocked && !is_blocked_ && !has_told_end_) events_->on_link_drained();
}

bool StableLink::move(OutBuffer& buffer, core::SendWindow::Bounds beyond) {
  while (!buffer.empty()) {
    if (below_->is_blocked()) return false;
    const wire::FrameScan scan = wire::scan_frame(buffer.pending(), no_limit);
    if (!sent_.has_room(scan.message.size() + head_bytes_max, beyond)) return false;
    send(scan.message);
    buffer.consume(scan.size);
    ask_for_acknowledgement(false);
  }
  return true;
}

void StableLink::send(ByteView message) {
  std::array<std::uint8_t, head_bytes_max> head;
  const std::uint8_t* const end =
      stable::put_frame_head(head.data() + wire::frame_head_bytes, sent_.next(), received_.last());
  const ByteView head_view(head.data(), end);
  const auto length = static_cast<std::uint32_t>(head_view.size() - wire::frame_head_bytes + message.size());
  std::memcpy(head.data(), &length, sizeof length);
  owes_answer_ = false;
  if (!is_pong(message)) awaited_ = sent_.next();
  append(below_->out(), sent_.add(head_view, message));
  below_->committed();
  listen_for_silence();
}

// There are no acknowledgements by themselves. The answer to a ping brings one, also from a peer that has nothing else
// to say.
void StableLink::ask_for_acknowledgement(bool is_full) {
  const bool is_much = is_full || sent_.size() >= bounds_.items / 4 || sent_.bytes() >= bounds_.bytes / 4;
  if (!is_much || has_asked() || !received_.last()) return;
  ping_ = sent_.next();
  ping();
}

// Two ends with full windows would wait for each other. A peer that only sends and never acknowledges gets no more of
// these than there is room for. Answers to pings are not acknowledged: two full ends would do nothing else.
void StableLink::acknowledge_while_full() {
  if (!owes_answer_) return;
  if (sent_.has_room(ping_bytes_max, {2 * bounds_.items, 2 * control_bytes_max_})) ping();
}

void StableLink::ping() {
  std::array<std::uint8_t, 2 + codec::varint_bytes_max> ping;
  const std::uint8_t* const end =
      codec::put_varint(wire::roam::put_head(ping.data(), 0, wire::roam::Kind::ping), sent_.next());
  send({ping.data(), end});
}

void StableLink::finish() {
  is_finishing_ = true;
  flush();
}

// An end without these words is a cut.
void StableLink::finish_if_empty() {
  if (!is_finishing_ || has_said_end_ || !data_.empty() || !control_.empty()) return;
  has_said_end_ = true;
  wire::end_frame(below_->out(), wire::begin_frame(below_->out(), 0));
  below_->committed();
  below_->finish();
}

}  // namespace parley::runtime
