#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/channel_core.h"
#include "runtime/method_table.h"

namespace parley::runtime {

using Step = core::Session::Step;

namespace {

core::Session::Options machine_options(const SessionOptions& options, Session::Role role) {
  return {.role = role,
          .parity = wire::roam::Parity::odd,
          .requests_max = options.requests_max.value_or(options.limits.concurrent_requests_max),
          .is_foreign = options.is_foreign,
          .metadata = options.metadata};
}

}  // namespace

Session& Session::start(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
                        const MethodTable* methods) {
  // tidy: allow new the constructor is private
  std::unique_ptr<Session> owned(new Session(loop, std::move(link), role, std::move(options), methods));
  Session& session = *owned;
  loop.executor().adopt(std::move(owned));
  session.link_->set_frame_bytes_max(session.options_.limits.opening_bytes_max);
  session.machine_.begin(session.link_->out());
  if (role == Role::initiator) session.link_->committed();
  loop.executor().arm(session.timer_, loop.now() + session.options_.limits.handshake_max);
  session.link_->start(session);
  return session;
}

Session::Session(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
                 const MethodTable* methods)
    : loop_(loop),
      link_(std::move(link)),
      options_(std::move(options)),
      machine_(counters_, machine_options(options_, role)),
      root_(*this, 0) {
  root_.methods_ = methods;
  loop_.tell_at_end(at_loop_end_);
}

Session::~Session() {
  is_buried_ = true;
  const Error error{Code::closed, "the loop is gone"};
  if (!has_ended_) end(error, error, Committed::is_dropped);
  while (!cleanups_.empty()) std::unique_ptr<Cleanup>(&cleanups_.pop_front()).reset();
}

// --- what comes in

bool Session::on_message(ByteView message, Block* block) {
  if (has_ended_) return false;
  // Connection 0 and its kind are two bytes; nearly all messages begin so.
  if (message.size() > 2 && message[0] == 0 && root_.is_open()) [[likely]] {
    const auto kind = static_cast<wire::roam::Kind>(message[1]);
    if (kind == wire::roam::Kind::request) {
      return root_.on_request_bytes(message, message.data() + 2, block) ? !has_ended_ : break_off(root_.fault());
    }
    if (kind == wire::roam::Kind::channel) {
      return root_.on_channel_bytes(message, message.data() + 2, block) ? !has_ended_ : break_off(root_.fault());
    }
  }
  if (message.empty()) return break_off({Code::message, "it is empty"});
  wire::roam::Decoder decoder(message, options_.limits);
  std::uint64_t id = 0;
  wire::roam::Kind kind{};
  if (!decoder.head(id, kind)) return break_off({decoder.fault(), std::string(decoder.what())});
  return on_session_message(id, kind, decoder);
}

bool Session::on_session_message(std::uint64_t connection, wire::roam::Kind kind, wire::roam::Decoder& decoder) {
  switch (machine_.on_message(connection, kind, decoder, link_->control())) {
    case Step::nothing: link_->committed(); return true;
    case Step::established:
      link_->committed();
      open_root();
      return !has_ended_;
    case Step::failed: {
      const Error error = machine_.error();
      end(error, error);
      finish_link();
      return false;
    }
  }
  return false;
}

bool Session::break_off(const Error& error) {
  if (has_ended_) return false;
  machine_.break_off(error, link_->control());
  end(error, error);
  finish_link();
  return false;
}

void Session::open_root() {
  timer_.disarm();
  link_->set_frame_bytes_max(options_.limits.frame_bytes_max);
  const bool is_foreign = machine_.is_peer_foreign();
  const std::uint64_t seed = loop_.random().next();
  root_.open({.parity = machine_.parity(),
              .peer_requests_max = std::min(machine_.peer_requests_max(), options_.limits.outgoing_calls_max),
              .accepts_any_parity = is_foreign,
              .ignores_repeated_responses = is_foreign,
              .hash_seed = seed},
             {.parity = machine_.parity(), .is_peer_foreign = is_foreign, .hash_seed = seed});
  established_.set();
}

void Session::wait_for_link(BlockedSender& sender) {
  blocked_senders_.push_back(sender);
  if (!link_->is_blocked() && !resume_.is_linked()) loop_.executor().post_after_drain(resume_);
}

void Session::Resume::run(Ready& node) {
  Session& session = static_cast<Resume&>(node).session;
  if (!session.link_->is_blocked()) session.on_link_drained();
}

void Session::on_link_drained() {
  IntrusiveList<BlockedSender> senders;
  senders.take_all(blocked_senders_);
  while (!senders.empty()) senders.pop_front().core.pump();
}

void Session::on_link_ended(const Error* error) {
  is_link_over_ = true;
  if (!has_ended_) {
    const bool is_breach = error && kind(*error) == Kind::protocol && error->code != Code::frame_truncated;
    if (is_breach) machine_.break_off(*error, link_->control());
    if (error && error->code == Code::frame_truncated) ++counters_.messages_cut_off;
    if (error && error->code == Code::outbound_full) ++counters_.control_overflows;
    const bool was_open = root_.is_open();
    const Error pending = error ? *error : Error{Code::link_lost, "the peer closed it, or its process ended"};
    std::optional<Error> reason;
    if (error || !was_open) reason = pending;
    // A link that died drops what it holds; one whose reading ended is still written to.
    const bool is_dead = error && kind(*error) != Kind::protocol;
    end(std::move(reason), pending, is_dead ? Committed::is_dropped : Committed::may_leave);
    link_->finish();
  }
  timer_.disarm();
  bury_if_unused();
}

// --- the end

void Session::end(std::optional<Error> reason, const Error& for_the_pending, Committed committed) {
  PARLEY_ASSERT(!has_ended_);
  has_ended_ = true;
  machine_.end();
  end_reason_ = std::move(reason);
  root_.end(for_the_pending, committed == Committed::may_leave);
  drop_objects_if_unused();
  established_.set();
  ended_.set();
}

void Session::close(const Error& reason) {
  if (has_ended_) return;
  end(std::nullopt, reason);
  finish_link();
}

void Session::AtLoopEnd::on_loop_end() {
  if (!session.has_ended_) {
    const Error error{Code::closed, "the loop is gone"};
    session.end(error, error);
  }
  // Frames of handlers have been buried, and are destroyed before what is buried now. Nothing starts any more.
  while (!session.cleanups_.empty()) {
    session.loop_.executor().bury(std::unique_ptr<Mortal>(&session.cleanups_.pop_front()));
  }
  session.cleanup_count_ = 0;
  if (session.objects_) session.loop_.executor().bury(std::move(session.objects_));
}

SessionObjects& Session::objects() {
  PARLEY_ASSERT(!has_ended_);
  if (!objects_) objects_ = std::make_unique<SessionObjects>();
  return *objects_;
}

void Session::start_cleanup(std::unique_ptr<Cleanup> cleanup, Error why, Metadata metadata) {
  Cleanup& started = *cleanup.release();
  cleanups_.push_back(started);
  ++cleanup_count_;
  started.start(*this, std::move(why), std::move(metadata));
  drop_objects_.leave();  // a handler that ended its own session comes behind that
}

void Session::end_cleanup(Cleanup& cleanup) {
  cleanup.leave();
  --cleanup_count_;
  std::unique_ptr<Cleanup>(&cleanup).reset();
  drop_objects_if_unused();
  bury_if_unused();
}

void Session::drop_objects_if_unused() {
  if (has_ended_ && objects_ && cleanups_.empty() && !drop_objects_.is_linked()) loop_.executor().post(drop_objects_);
}

Result<std::uint64_t> Session::pass(std::vector<io::Descriptor> descriptors) {
  if (has_ended_) return fail(Code::closed, "the session");
  auto first = link_->attach(descriptors);
  if (first) counters_.descriptors_passed += descriptors.size();
  return first;
}

Result<io::Descriptor> Session::claim_descriptor(std::uint64_t number) {
  auto claimed = link_->claim_descriptor(number);
  if (claimed) ++counters_.descriptors_claimed;
  return claimed;
}

// What is committed still leaves; a peer that does not take it is given as long as for a handshake.
void Session::finish_link() {
  link_->finish();
  if (!is_link_over_) loop_.executor().arm(timer_, loop_.now() + options_.limits.handshake_max);
}

void Session::HandshakeTimer::fire(Timer& timer) {
  Session& session = static_cast<HandshakeTimer&>(timer).session;
  if (!session.has_ended_) {
    ++session.counters_.handshakes_timed_out;
    const auto waited = std::chrono::duration<double>(session.options_.limits.handshake_max).count();
    session.break_off({Code::handshake_timeout, fmt::format("{} s", waited)});
    return;
  }
  session.is_link_over_ = true;
  session.bury_if_unused();
}

void Session::on_last_caller_gone() {
  close({Code::closed, "the last user of the session is gone"});
  bury_if_unused();
}

void Session::bury_if_unused() {
  if (callers_ != 0 || !is_link_over_ || is_buried_ || !cleanups_.empty()) return;
  is_buried_ = true;
  loop_.executor().bury_ward(*this);
}

}  // namespace parley::runtime
