#include "runtime/session.h"

#include <fmt/format.h>

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
          .is_hub = options.is_hub,
          .accepts_same_parity = options.lenient.hello_parity,
          .metadata = options.metadata};
}

}  // namespace

Session& Session::start(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
                        const MethodTable* methods) {
  // tidy: allow new the constructor is private
  std::unique_ptr<Session> owned(new Session(loop, std::move(link), role, std::move(options), methods));
  Session& session = *owned;
  loop.executor().adopt(std::move(owned));
  session.begin();
  return session;
}

void Session::begin() {
  link_->set_frame_bytes_max(options_.limits.opening_bytes_max);
  machine_.begin(link_->out());
  if (!link_->out().empty()) link_->committed();
  const auto until = std::exchange(options_.handshake_until, std::nullopt);
  loop_.executor().arm(timer_, until.value_or(loop_.now() + options_.limits.handshake_max));
  link_->start(*this);
}

void Session::relink(std::unique_ptr<io::Link> link) {
  PARLEY_ASSERT(may_relink());
  link_ = std::move(link);
  has_ended_ = is_link_over_ = false;
  end_reason_.reset();
  established_.reset();
  ended_.reset();
  machine_.begin_again();
  begin();
}

Error Session::away() const {
  if (!redials_ || is_closed()) return {Code::closed, "the session"};
  return {Code::not_sent, "there is no link to the peer, which is being dialled again"};
}

Session::Session(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
                 const MethodTable* methods)
    : loop_(loop),
      link_(std::move(link)),
      options_(std::move(options)),
      machine_(counters_, machine_options(options_, role)),
      methods_(methods),
      root_(*this) {
  loop_.tell_at_end(at_loop_end_);
}

Session::~Session() {
  is_buried_ = true;
  set_redials(false);
  const Error error{Code::closed, "the loop is gone"};
  if (!has_ended_) end(error, error, Committed::is_dropped);
  while (!opened_.empty()) std::unique_ptr<OpenedConnection>(&opened_.pop_front()).reset();
  while (!cleanups_.empty()) std::unique_ptr<Cleanup>(&cleanups_.pop_front()).reset();
}

// --- what comes in

bool Session::on_message(ByteView message, Block* block) {
  if (has_ended_) return false;
  keepalive_.heard();
  // Connection 0 and its kind are two bytes; nearly all messages begin so.
  if (message.size() > 2 && message[0] == 0 && is_root_direct_) [[likely]] {
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
  using enum wire::roam::Kind;
  if (!root_.is_open()) return on_session_message(id, kind, decoder);
  if (kind != request && kind != channel) {
    return kind >= connection_open && kind <= connection_close ? on_connection_message(id, kind, decoder)
                                                               : on_session_message(id, kind, decoder);
  }
  if (id == 0) {
    if (!is_root_direct_ && options_.watch->on_root_message(kind, decoder.rest())) return !has_ended_;
    const bool is_well = kind == request ? root_.on_request(decoder, block) : root_.on_channel(decoder, block);
    return is_well ? !has_ended_ : break_off(root_.fault());
  }
  const Result<core::ConnectionEnd*> end = connections_->on_message(id);
  if (!end) return break_off(end.error());
  if (*end) static_cast<ConnectionUser*>(*end)->on_message(kind, message, decoder.rest(), block);
  return !has_ended_;
}

// --- the session itself

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
  root_.open({.parity = machine_.parity(),
              .peer_requests_max = machine_.peer_requests_max(),
              .is_peer_foreign = machine_.is_peer_foreign(),
              .methods = methods_});
  connections_.emplace(options_.limits, counters_,
                       core::Connections::Options{.parity = machine_.parity(), .hash_seed = loop_.random().next()});
  is_root_direct_ = !options_.watch || !machine_.is_peer_foreign();
  established_.set();
  linked_.set();
  if (options_.watch) options_.watch->on_established();
  repeats_.go();
}

void Session::set_redials(bool redials) {
  redials_ = redials;
  if (redials_) return;
  closed_.set();
  linked_.set();
  repeats_.give_up();
}

bool Session::waits_for_peer() const {
  return root_.waits() || opened_.any_of([](const OpenedConnection& each) { return each.waits(); }) ||
         (options_.watch && options_.watch->waits_for_peer());
}

void Session::ping(std::uint64_t nonce) {
  ++counters_.pings_sent;
  wire::roam::put_message(link_->control(), {0, wire::roam::Ping{nonce}});
  link_->committed();
}

void Session::give_up_peer() {
  ++counters_.silences;
  const Error error{Code::silence,
                    fmt::format("for {} s", std::chrono::duration<double>(2 * options_.limits.keepalive).count())};
  end(error, error, Committed::is_dropped);
  finish_link();
}

void Session::wait_for_link(LinkWaiter& waiter) {
  link_waiters_.push_back(waiter);
  if (!link_->is_blocked() && !resume_.is_linked()) loop_.executor().post_after_drain(resume_);
}

void Session::Resume::run(Ready& node) {
  Session& session = static_cast<Resume&>(node).session;
  if (!session.link_->is_blocked()) session.on_link_drained();
}

void Session::on_link_news(News what, std::uint64_t times) {
  switch (what) {
    case News::resumed: counters_.links_resumed += times; return;
    case News::resent: counters_.messages_resent += times; return;
    case News::repeated: counters_.messages_repeated += times; return;
    case News::silent: counters_.links_silent += times; return;
  }
}

void Session::on_link_drained() {
  IntrusiveList<LinkWaiter> waiters;
  waiters.take_all(link_waiters_);
  while (!waiters.empty()) {
    LinkWaiter& next = waiters.pop_front();
    next.run(next);
  }
}

void Session::on_link_ended(const Error* error) {
  is_link_over_ = true;
  if (!has_ended_) {
    const bool is_breach = error && kind(*error) == Kind::protocol && error->code != Code::frame_truncated;
    if (is_breach) machine_.break_off(*error, link_->control());
    if (error && error->code == Code::frame_truncated) ++counters_.messages_cut_off;
    if (error && error->code == Code::outbound_full) ++counters_.control_overflows;
    const bool was_open = root_.is_open();
    const char* const quiet_end = was_open ? "the peer closed it, or its process ended"
                                           : "the peer closed it during the handshake, or its process ended; another "
                                             "protocol may be spoken there, TLS or WebSockets";
    const Error pending = error ? *error : Error{Code::link_lost, quiet_end};
    std::optional<Error> reason;
    if (error || !was_open) reason = pending;
    // A link that died drops what it holds; one whose reading ended is still written to.
    const bool is_dead = error && kind(*error) != Kind::protocol;
    end(std::move(reason), pending, is_dead ? Committed::is_dropped : Committed::may_leave);
    link_->finish();
  }
  on_farewell_over();
}

// --- the end

void Session::end(std::optional<Error> reason, const Error& for_the_pending, Committed committed) {
  PARLEY_ASSERT(!has_ended_);
  has_ended_ = true;
  if (!is_closed()) linked_.reset();
  is_root_direct_ = false;
  keepalive_.stop();
  machine_.end();
  end_reason_ = std::move(reason);
  root_.end(for_the_pending, committed, end_reason_);
  using Over = ConnectionUser::Over;
  while (core::ConnectionEnd* connection = connections_ ? connections_->take_any() : nullptr) {
    static_cast<ConnectionUser*>(connection)
        ->on_over(committed == Committed::is_dropped ? Over::lost : Over::ended, for_the_pending);
    --callers_;
  }
  drop_objects_if_unused();
  established_.set();
  ended_.set();
  if (options_.watch) options_.watch->on_session_over(for_the_pending);
}

void Session::close(const Error& reason) {
  closed_.set();
  linked_.set();
  repeats_.give_up();
  if (has_ended_) {
    if (redials_) end_reason_.reset();  // of the last link
    return;
  }
  end(std::nullopt, reason);
  finish_link();
}

void Session::AtLoopEnd::on_loop_end() {
  session.set_redials(false);
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
  if (is_link_over_) return;
  loop_.executor().arm(timer_, loop_.now() + options_.limits.handshake_max);
  if (!options_.farewells) return;
  farewell_ = std::make_unique<Farewell>(*this);
  options_.farewells->add(*farewell_);
}

// The last bytes have left, or nobody waits for that.
void Session::on_farewell_over() {
  is_link_over_ = true;
  timer_.disarm();
  farewell_.reset();
  bury_if_unused();
}

void Session::HandshakeTimer::fire(Timer& timer) {
  Session& session = static_cast<HandshakeTimer&>(timer).session;
  if (!session.has_ended_) {
    ++session.counters_.handshakes_timed_out;
    const auto waited = std::chrono::duration<double>(session.options_.limits.handshake_max).count();
    session.break_off({Code::handshake_timeout, fmt::format("{} s", waited)});
    return;
  }
  session.on_farewell_over();
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
