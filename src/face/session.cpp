#include "face/session.h"

#include <fmt/format.h>

#include "async/event_timer.h"
#include "async/scope.h"
#include "async/wait.h"
#include "face/introductions.h"
#include "face/session_options.h"
#include "runtime/backoff.h"
#include "runtime/dialed_stable_link.h"
#include "runtime/framed_link.h"

namespace parley {

namespace {

Result<std::unique_ptr<io::Dialer>> make_dialer(io::Loop& loop, const std::string& uri,
                                                const std::shared_ptr<io::StreamStatistics>& statistics) {
  PARLEY_TRY(auto dialer, loop.dialer(uri));
  if (statistics) dialer = std::make_unique<io::StatisticsDialer>(std::move(dialer), statistics);
  return dialer;
}

std::unique_ptr<io::Link> make_link(io::Loop& loop, std::unique_ptr<io::Dialer> dialer,
                                    std::unique_ptr<io::Stream> stream, const Limits& limits, bool is_stable) {
  if (!is_stable) return std::make_unique<runtime::FramedLink>(loop, std::move(stream), limits);
  return std::make_unique<runtime::DialedStableLink>(loop, std::move(dialer), std::move(stream), limits);
}

}  // namespace

// Dials again whenever the link is over, until the session is closed here.
class Session::Redialing {
 public:
  Redialing(runtime::Session& session, std::string uri, bool is_stable,
            std::shared_ptr<io::StreamStatistics> statistics)
      : session_(session),
        uri_(std::move(uri)),
        is_stable_(is_stable),
        statistics_(std::move(statistics)),
        scope_(session.loop().executor()) {
    session_.set_redials(true);
    scope_.spawn(run());
  }
  ~Redialing() { session_.set_redials(false); }

 private:
  Task<void> run() {
    io::Loop& loop = session_.loop();
    runtime::Backoff backoff;
    for (;;) {
      const Instant began = loop.now();
      co_await session_.ended().wait();
      if (session_.is_closed()) co_return;
      // Also after a breach or a refusal: whoever was misunderstood may be welcome later.
      // One that lasted is no sign of what comes.
      if (loop.now() - began > runtime::Backoff::max) backoff.reset();
      co_await Sleep(loop.executor(), backoff.next(loop.random()));
      co_await dial();
    }
  }
  Task<void> dial() {
    if (!session_.may_relink()) co_return;
    auto dialer = make_dialer(session_.loop(), uri_, statistics_);
    if (!dialer) co_return;
    auto stream = co_await (*dialer)->dial();
    if (!stream || !session_.may_relink()) co_return;
    session_.relink(
        make_link(session_.loop(), std::move(*dialer), std::move(*stream), session_.options().limits, is_stable_));
  }

  runtime::Session& session_;
  const std::string uri_;
  const bool is_stable_;
  const std::shared_ptr<io::StreamStatistics> statistics_;
  Scope scope_;
};

Session::Session(runtime::Session& session) : session_(session) {}

Session::~Session() {
  redialing_.reset();
  if (introductions_) introductions_->close();
  session_.drop_caller();
}

Task<Result<void>> Session::closed() {
  runtime::Session& session = session_;
  const Hold hold(session);
  if (session.redials()) co_await session.closed().wait();
  co_await session.ended().wait();
  if (session.end_reason()) co_return fail(*session.end_reason());
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Session>>> open_session(io::Loop& loop, std::unique_ptr<io::Link> link, Options options) {
  return Session::open(loop, std::move(link), std::move(options), std::nullopt);
}

Task<Result<std::unique_ptr<Session>>> Session::open(io::Loop& loop, std::unique_ptr<io::Link> link, Options options,
                                                     std::optional<io::Peer> known) {
  runtime::SessionOptions own = co_await face::session_options(options);
  own.peer = std::move(known);
  std::shared_ptr<face::Introductions> introductions;
  if (options.offer && options.services) {
    introductions = std::make_shared<face::Introductions>(loop, options.limits, *options.services);
    own.for_peer = {introductions, &introductions->methods()};
  }
  const runtime::MethodTable* methods = options.services ? &options.services->table() : nullptr;
  auto session = std::make_unique<Session>(
      runtime::Session::start(loop, std::move(link), runtime::Session::Role::initiator, std::move(own), methods));
  session->introductions_ = std::move(introductions);
  runtime::Session& runtime = session->runtime();
  co_await runtime.established().wait();
  if (!runtime.has_ended()) co_return std::move(session);
  co_return fail(runtime.end_reason().value_or(Error{Code::link_lost, "during the handshake"}));
}

Task<Result<std::unique_ptr<Session>>> Session::dial(io::Loop& loop, std::string uri, Options options) {
  if (options.offer && (!options.services || options.services->offers().empty())) {
    co_return fail(Code::invalid, "nothing to offer: Options::services has no service");
  }
  std::unique_ptr<io::Dialer> dialer = co_await make_dialer(loop, uri, options.statistics);
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  auto link = make_link(loop, std::move(dialer), std::move(stream), options.limits, options.stable);
  const bool redials = options.redial;
  const bool is_stable = options.stable;
  const bool offers = options.offer;
  const auto statistics = options.statistics;
  std::unique_ptr<Session> session = co_await co_await open_session(loop, std::move(link), std::move(options));
  if (offers && !session->runtime().machine().is_peer_hub()) {
    co_return fail(Code::unsupported, fmt::format("{} is no hub, so nothing can be offered there", uri));
  }
  if (redials)
    session->redialing_ = std::make_unique<Redialing>(session->runtime(), std::move(uri), is_stable, statistics);
  co_return std::move(session);
}

// Dials until somebody is there or the time is up.
class Session::Waiting {
 public:
  Waiting(io::Loop& loop, std::string uri, Options options)
      : loop_(loop),
        uri_(std::move(uri)),
        options_(std::move(options)),
        until_(loop.clock().now() + options_.connect_wait_max),
        scope_(loop.executor()) {}

  Task<Result<std::unique_ptr<Session>>> run() {
    loop_.executor().arm(time_is_up_, until_);
    scope_.spawn(dial_on());
    co_await over_.wait();
    if (session_) co_return std::move(session_);
    if (!time_is_up_.is_armed()) {
      const double waited = std::chrono::duration<double>(options_.connect_wait_max).count();
      last_.note += fmt::format("{}waited {} s", last_.note.empty() ? "" : "; ", waited);
    }
    co_return fail(std::move(last_));
  }

 private:
  Task<void> dial_on() {
    runtime::Backoff backoff;
    for (;;) {
      auto session = co_await dial(loop_, uri_, options_);
      if (session) session_ = std::move(*session);
      if (!session) last_ = std::move(session).error();
      if (session_ || !may_pass(last_)) break;
      co_await Sleep(loop_.executor(), backoff.next(loop_.random()));
    }
    over_.set();
  }
  // Nobody is there yet, or not quite: the bytes stopped, or the time of one attempt passed.
  static bool may_pass(const Error& error) {
    return error.code == Code::address || kind(error) == Kind::timed_out || kind(error) == Kind::lost;
  }

  io::Loop& loop_;
  const std::string uri_;
  const Options options_;
  const Instant until_;
  Error last_{Code::timed_out, {}};
  std::unique_ptr<Session> session_;
  Event over_;
  EventTimer time_is_up_{over_};
  Scope scope_;
};

Task<Result<std::unique_ptr<Session>>> connect(io::Loop& loop, std::string uri, Options options) {
  if (options.connect_wait_max <= Duration::zero()) {
    co_return co_await Session::dial(loop, std::move(uri), std::move(options));
  }
  Session::Waiting waiting(loop, std::move(uri), std::move(options));
  co_return co_await waiting.run();
}

}  // namespace parley
