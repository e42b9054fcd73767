#include "subject/subject.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "parley/parley.h"
#include "runtime/framed_link.h"
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

Task<Opened> connect(Loop& loop, std::string uri, const Services& services) {
  Attempt attempt(loop, std::move(uri), {.foreign = true, .metadata = metadata(), .services = &services});
  co_return co_await attempt.opened();
}

// --- a session, by listening

// The first stream that comes. Later ones are closed; destroying it stops listening.
class FirstStream final : private parley::io::ListenerEvents {
 public:
  explicit FirstStream(std::unique_ptr<parley::io::Listener> listener) : listener_(std::move(listener)) {
    listener_->start(*this);
  }
  // Once.
  Task<Result<std::unique_ptr<parley::io::Stream>>> taken() {
    co_await came_.wait();
    co_return std::move(stream_);
  }

 private:
  void on_stream(std::unique_ptr<parley::io::Stream> stream) override { take(std::move(stream)); }
  void on_listener_failed(parley::Error error) override { take(parley::fail(std::move(error))); }
  void take(Result<std::unique_ptr<parley::io::Stream>> stream) {
    if (came_.is_set()) return;
    stream_ = std::move(stream);
    came_.set();
  }

  std::unique_ptr<parley::io::Listener> listener_;
  Result<std::unique_ptr<parley::io::Stream>> stream_;
  parley::Event came_;
};

// A parley::Server goes on listening; this one is for one session, and tells of a handshake that fails.
Task<Opened> accept(Loop& loop, std::string uri, const Services& services) {
  std::unique_ptr<parley::io::Stream> stream;
  {
    auto listener = co_await loop.listen(uri);
    std::puts(("LISTEN_ADDR=" + listener->address().substr(std::string_view("tcp:").size())).c_str());
    std::fflush(stdout);
    FirstStream first(std::move(listener));
    stream = co_await co_await first.taken();
  }
  const parley::Limits limits;
  auto session = std::make_unique<Session>(parley::runtime::Session::start(
      loop, std::make_unique<parley::runtime::FramedLink>(loop, std::move(stream), limits),
      parley::runtime::Session::Role::acceptor, {.limits = limits, .is_foreign = true, .metadata = metadata()},
      &services.table()));
  parley::runtime::Session& runtime = session->runtime();
  co_await runtime.established().wait();
  // One that was used and left while this waited its turn has ended in good order, without a reason.
  if (runtime.end_reason()) co_return parley::fail(*runtime.end_reason());
  co_return std::move(session);
}

Task<Opened> open(Loop& loop, const Settings& settings, const Services& services) {
  return settings.is_listening ? accept(loop, settings.address, services) : connect(loop, settings.address, services);
}

// --- what is done with it

// Until the peer leaves. One that has gone without a farewell has been served as well.
Task<Result<void>> serve(Loop& loop, const Settings& settings, const Services& services) {
  const std::unique_ptr<Session> session = co_await co_await open(loop, settings, services);
  Result<void> closed = co_await session->closed();
  if (!closed && kind(closed.error()) == Kind::lost) co_return Result<void>();
  co_return closed;
}

Task<testbed::Verdict> run_scenario(Loop& loop, const Settings& settings, const Services& services) {
  const std::unique_ptr<Session> session = co_await co_await open(loop, settings, services);
  co_return co_await settings.scenario(session->client<Testbed>("Testbed"));
}

int failed(const std::string& what) {
  fmt::print(stderr, "subject: {}\n", what);
  return 1;
}

}  // namespace

int run(Testbed& service) {
  const auto settings = read_settings();
  if (!settings) {
    for (const std::string& sentence : settings.error()) fmt::print(stderr, "subject: {}\n", sentence);
    return 2;
  }
  Services services;
  services.serve<Testbed>("Testbed", service).value();
  Loop loop;
  if (!settings->is_client) {
    const auto served = loop.run_until(serve(loop, *settings, services));
    return served ? 0 : failed(to_string(served.error()));
  }
  std::optional<parley::Server> self;
  if (settings->is_in_memory()) {
    self = parley::listen(loop, settings->address, {.foreign = true, .metadata = metadata()}).value();
    self->serve<Testbed>("Testbed", service).value();
  }
  const auto verdict = loop.run_until(run_scenario(loop, *settings, services));
  if (verdict && verdict->empty()) return 0;
  return failed(
      fmt::format("scenario {}: {}", settings->scenario_name, verdict ? *verdict : to_string(verdict.error())));
}

}  // namespace subject
