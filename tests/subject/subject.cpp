#include "subject/subject.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/uri.h"
#include "parley/parley.h"
#include "runtime/framed_link.h"
#include "runtime/stable_link.h"
#include "runtime/stable_sessions.h"
#include "subject/settings.h"

namespace subject {

namespace {

using parley::Code;
using parley::Kind;
using parley::Loop;
using parley::Result;
using parley::Services;
using parley::Session;
using parley::Task;
using testbed::Testbed;
using Opened = Result<std::unique_ptr<Session>>;

constexpr auto connect_max = std::chrono::seconds(5);

parley::Metadata metadata() { return {{"vox-service", "Testbed"}}; }

// --- a session, by connecting

// connect(), for as long as a subject may take to connect.
class Attempt {
 public:
  Attempt(Loop& loop, std::string uri, parley::Options options) : scope_(loop) {
    scope_.spawn(connect(loop, std::move(uri), std::move(options)));
    scope_.spawn(give_up(loop));
  }
  // Once; the attempt outlives it.
  Task<Opened> opened() {
    co_await over_.wait();
    if (opened_) co_return std::move(*opened_);
    co_return parley::fail(Code::timed_out, fmt::format("no session within {} s", connect_max.count()));
  }

 private:
  Task<void> connect(Loop& loop, std::string uri, parley::Options options) {
    opened_ = co_await parley::connect(loop, std::move(uri), std::move(options));
    over_.set();
  }
  Task<void> give_up(Loop& loop) {
    co_await parley::Sleep(loop, connect_max);
    over_.set();
  }

  std::optional<Opened> opened_;
  parley::Event over_;
  parley::Scope scope_;
};

Task<Opened> connect(Loop& loop, const Settings& settings, const Services& services) {
  Attempt attempt(loop, settings.address,
                  {.limits = settings.limits,
                   .foreign = true,
                   .metadata = metadata(),
                   .services = &services,
                   .stable = settings.is_stable});
  co_return co_await attempt.opened();
}

// --- a session, by listening

// What comes in, up to the first session. Later streams are closed, unless they go on with a stable session, for which
// it goes on listening.
class FirstLink final : private parley::io::ListenerEvents {
 public:
  FirstLink(Loop& loop, std::unique_ptr<parley::io::Listener> listener, const Settings& settings)
      : loop_(loop), settings_(settings), listener_(std::move(listener)), stable_(loop, settings.limits) {
    listener_->start(*this);
  }
  // Once.
  Task<Result<std::unique_ptr<parley::io::Link>>> taken() {
    co_await came_.wait();
    if (!settings_.is_stable) listener_.reset();
    co_return std::move(link_);
  }

 private:
  void on_stream(std::unique_ptr<parley::io::Stream> stream) override {
    const parley::Limits& limits = settings_.limits;
    auto link = std::make_unique<parley::runtime::FramedLink>(loop_, std::move(stream), limits);
    if (!settings_.is_stable) return take(std::move(link));
    stable_.admit(std::move(link), loop_.now() + limits.handshake_max, !came_.is_set(),
                  [this](std::unique_ptr<parley::io::Link> first) { take_stable(std::move(first)); });
  }
  void on_listener_failed(parley::Error error) override { take(parley::fail(std::move(error))); }
  void take_stable(std::unique_ptr<parley::io::Link> link) {
    if (dynamic_cast<parley::runtime::StableLink*>(link.get())) return take(std::move(link));
    take(parley::fail(Code::unexpected, "the peer begins a bare session, where SPEC_CONDUIT is stable"));
  }
  void take(Result<std::unique_ptr<parley::io::Link>> link) {
    if (came_.is_set()) return;
    link_ = std::move(link);
    came_.set();
  }

  Loop& loop_;
  const Settings& settings_;
  std::unique_ptr<parley::io::Listener> listener_;
  parley::runtime::StableSessions stable_;
  Result<std::unique_ptr<parley::io::Link>> link_;
  parley::Event came_;
};

// "127.0.0.1:4711" or a path: how a peer says it.
std::string as_peer_says(const std::string& address) {
  const auto uri = parley::io::parse_uri(address).value();
  return uri.has_port() ? parley::io::host_and_port(uri) : uri.name;
}

// A parley::Server goes on listening; this one is for one session, and tells of a handshake that fails.
Task<Opened> accept(Loop& loop, const Settings& settings, const Services& services,
                    std::optional<FirstLink>& listening) {
  auto listener = co_await loop.listen(settings.address);
  std::puts(("LISTEN_ADDR=" + as_peer_says(listener->address())).c_str());
  std::fflush(stdout);
  listening.emplace(loop, std::move(listener), settings);
  std::unique_ptr<parley::io::Link> link = co_await co_await listening->taken();
  auto session = std::make_unique<Session>(parley::runtime::Session::start(
      loop, std::move(link), parley::runtime::Session::Role::acceptor,
      {.limits = settings.limits, .is_foreign = true, .metadata = metadata()}, &services.table()));
  parley::runtime::Session& runtime = session->runtime();
  co_await runtime.established().wait();
  // One that was used and left while this waited its turn has ended in good order, without a reason.
  if (runtime.end_reason()) co_return parley::fail(*runtime.end_reason());
  co_return std::move(session);
}

Task<Opened> open(Loop& loop, const Settings& settings, const Services& services, std::optional<FirstLink>& listening) {
  return settings.is_listening ? accept(loop, settings, services, listening) : connect(loop, settings, services);
}

// --- what is done with it

// Until the peer leaves. One that has gone without a farewell has been served as well.
Task<Result<void>> serve(Loop& loop, const Settings& settings, const Services& services) {
  std::optional<FirstLink> listening;
  const std::unique_ptr<Session> session = co_await co_await open(loop, settings, services, listening);
  Result<void> closed = co_await session->closed();
  if (!closed && kind(closed.error()) == Kind::lost) co_return Result<void>();
  co_return closed;
}

// Says which scenario it was, if it does not pass.
Task<std::optional<std::string>> run_scenarios(Loop& loop, const Settings& settings, const Services& services) {
  std::optional<FirstLink> listening;
  const Opened opened = co_await open(loop, settings, services, listening);
  for (const NamedScenario& scenario : settings.scenarios) {
    testbed::Verdict verdict = opened ? co_await scenario.run((*opened)->client<Testbed>("Testbed"))
                                      : testbed::Verdict(parley::fail(opened.error()));
    if (verdict && verdict->empty()) continue;
    co_return fmt::format("scenario {}: {}", scenario.name, verdict ? *verdict : to_string(verdict.error()));
  }
  co_return std::nullopt;
}

int failed(const std::string& what) {
  fmt::print(stderr, "subject: {}\n", what);
  return 1;
}

// Before the loop goes.
struct Stop {
  void operator()(testbed::TestbedService* service) const { service->stop(); }
};

}  // namespace

int run(testbed::TestbedService& service) {
  const auto settings = read_settings();
  if (!settings) {
    for (const std::string& sentence : settings.error()) fmt::print(stderr, "subject: {}\n", sentence);
    return 2;
  }
  Services services;
  services.serve<Testbed>("Testbed", service).value();
  Loop loop({.tls = settings->tls});
  const std::unique_ptr<testbed::TestbedService, Stop> stop(&service);
  if (!settings->is_client) {
    const auto served = loop.run_until(serve(loop, *settings, services));
    return served ? 0 : failed(to_string(served.error()));
  }
  std::optional<parley::Server> self;
  if (settings->is_in_memory()) {
    self = parley::listen(loop, settings->address, {.foreign = true, .metadata = metadata()}).value();
    self->serve<Testbed>("Testbed", service).value();
  }
  const auto difference = loop.run_until(run_scenarios(loop, *settings, services));
  return difference ? failed(*difference) : 0;
}

}  // namespace subject
