#include "tour.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "stopwatch.h"

namespace tour {

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;  // with a step; a machine that is busy elsewhere needs some

}  // namespace

parley::Task<std::string> Listener::name() {
  ++name_count_;
  report_.line("service", "asks us for our name, on the session that we opened");
  co_return "tour";
}

parley::Task<void> Listener::hear(std::string line) {
  report_.line("service", fmt::format("tells us: {}", line));
  lines_.push_back(std::move(line));
  more_.set();
  co_return;
}

parley::Task<void> Listener::heard(std::string line) {
  for (;;) {
    const auto found = std::ranges::find(lines_, line);
    if (found != lines_.end()) {
      lines_.erase(found);
      co_return;
    }
    more_.reset();
    co_await more_.wait();
  }
}

const std::vector<Tour::Step>& Tour::steps() {
  static const std::vector<Step> all = {
      {"start", "A service process and a session with it", &Tour::start},
      {"calls", "Calls: a method of a class in another process", &Tour::calls},
      {"call_back", "Both ways: the service calls its caller", &Tour::call_back},
      {"own_error", "A method's own error is a value", &Tour::own_error},
      {"unknown_method", "A service that nobody serves", &Tour::unknown_method},
      {"arguments", "Arguments that are none", &Tour::arguments},
      {"throw", "A handler that throws", &Tour::throwing},
      {"stream_to_service", "A stream to a slow reader, who stops the writer", &Tour::stream_to_service},
      {"stream_from_service", "A stream back, and we are the slow reader", &Tour::stream_from_service},
      {"cancel", "Dropping a call stops its handler", &Tour::cancel},
      {"deadline", "A deadline, kept on both sides", &Tour::deadline},
      {"killed_in_call", "SIGKILL in the middle of a call", &Tour::killed_in_call},
      {"killed_in_streams", "SIGKILL in the middle of two streams, after a new start", &Tour::killed_in_streams},
      {"restart", "A new process at the same address: everything works again", &Tour::restart},
      {"leave", "The end, in good order", &Tour::leave},
  };
  return all;
}

int Tour::step_count() { return static_cast<int>(steps().size()); }

Tour::Tour(Report& report, const Directory& directory, std::string program)
    : report_(report),
      directory_(directory),
      program_(std::move(program)),
      uri_("unix:" + directory.path() + "/station.sock"),
      listener_(report) {}

bool Tour::run() {
  services_.serve<Audience>("audience", listener_).value();
  for (const Step& step : steps()) {
    report_.begin(step.name, step.title);
    const Stopwatch watch;
    (this->*step.run)();
    if (!report_.end(watch.time())) return false;
  }
  return true;
}

// --- what the steps are made of

parley::Task<void> Tour::set_when_done(parley::Task<void> task, bool& is_done, parley::Event& ended) {
  co_await std::move(task);
  is_done = true;
  ended.set();
}

parley::Task<void> Tour::set_after(parley::Loop& loop, parley::Duration time, parley::Event& ended) {
  co_await parley::Sleep(loop, time);
  ended.set();
}

// Whichever comes first; the other one is dropped with the scope.
parley::Task<bool> Tour::ends_in_time(parley::Task<void> task) {
  bool is_done = false;
  parley::Event ended;
  parley::Scope scope(loop_);
  scope.spawn(set_when_done(std::move(task), is_done, ended));
  scope.spawn(set_after(loop_, patience, ended));
  co_await ended.wait();
  co_return is_done;
}

void Tour::turn(parley::Task<void> task) {
  report_.expect(loop_.run_until(ends_in_time(std::move(task))), fmt::format("it ends within {}", in_words(patience)));
}

void Tour::expect_error(const parley::Error* error, parley::Code code, std::string_view what) {
  report_.expect(error && error->code == code, fmt::format("{} ends with `{}`", what, parley::sentence(code)),
                 error ? to_string(*error) : "there was no error");
}

bool Tour::start_process() {
  const Stopwatch watch;
  did(fmt::format("starts {} {}", std::filesystem::path(program_).filename().string(), uri_));
  parley::Result<ServiceProcess> started = ServiceProcess::start(program_, uri_, patience);
  if (!report_.expect(started.has_value(), "the service process listens",
                      started ? std::string() : to_string(started.error()))) {
    return false;
  }
  process_.emplace(*std::move(started));
  came(fmt::format("process {} listens, after {}", process_->pid(), in_words(watch.time())));
  return true;
}

parley::Task<void> Tour::connect() {
  const Stopwatch watch;
  station_.reset();
  session_.reset();
  auto connected = co_await parley::connect(loop_, uri_, {.services = &services_});
  if (!report_.expect(connected.has_value(), "a session opens",
                      connected ? std::string() : to_string(connected.error()))) {
    co_return;
  }
  session_ = *std::move(connected);
  station_.emplace(session_->client<Station>("station"));
  const auto& credentials = session_->peer().credentials;
  const auto pid = credentials ? credentials->pid : 0;
  did(fmt::format("has a session after {}; the kernel says that process {} is at its other end", in_words(watch.time()),
                  pid));
  report_.expect(pid == process_->pid(), "the peer is the process that we started", fmt::format("it is {}", pid));
}

void Tour::wait_for_killed() {
  const ServiceProcess::End end = process_->wait(patience);
  report_.expect(end.signal == SIGKILL, "the process died of SIGKILL");
}

// --- the first and the last steps

void Tour::start() {
  if (start_process()) turn(connect());
}

void Tour::restart() {
  did("a dead process cannot remove its socket file; the next one replaces it");
  report_.expect(std::filesystem::exists(directory_.path() + "/station.sock"), "the socket file is still there");
  if (!start_process()) return;
  turn(connect());
  if (session_) turn(check_that_all_works());
}

parley::Task<void> Tour::check_that_all_works() {
  const auto sum = value_of(co_await station().call<&Station::add>(20, 22), "add(20, 22)");
  report_.expect(sum == 42, "add(20, 22) is 42");
  const auto hello = value_of(co_await station().call<&Station::greet>(), "greet()");
  report_.expect(hello == "hello, tour", "the service calls back");
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto call = station().call<&Station::write>(100u, std::move(tx));
  std::uint64_t total = 0;
  while (const auto number = co_await rx.recv()) total += *number;
  value_of(co_await call, "write(100)");
  report_.expect(total == 5050, "a stream of 1 to 100 adds up to 5050", fmt::format("to {}", total));
  came(fmt::format("add(20, 22) is {}, greet() says \"{}\", a stream of 1 to 100 adds up to {}", sum, hello, total));
}

void Tour::leave() {
  turn(say_goodbye());
  const ServiceProcess::End end = process_->wait(patience);
  came(end.exit_code ? fmt::format("ended with exit code {}", *end.exit_code) : "did not end by itself");
  report_.expect(end.exit_code == 0, "the service process ends with exit code 0");
  report_.expect(std::filesystem::is_empty(directory_.path()), "it leaves no file behind");
}

parley::Task<void> Tour::say_goodbye() {
  did("leave()");
  const auto left = co_await station().call<&Station::leave>();
  report_.expect(left.has_value(), "leave() is answered", left ? std::string() : to_string(left.error()));
  station_.reset();
  const auto closed = co_await session_->closed();
  report_.expect(closed.has_value(), "the session ends in good order",
                 closed ? std::string() : to_string(closed.error()));
  session_.reset();
}

}  // namespace tour
