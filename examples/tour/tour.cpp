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
  report_.line("worker", "asks us for our name, on the connection that we opened");
  co_return "tour";
}

parley::Task<void> Listener::hear(std::string line) {
  report_.line("worker", fmt::format("tells us: {}", line));
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
      {"start", "A hub, two workers, and a session with the hub", &Tour::start},
      {"calls", "Calls: a method of a class in another process", &Tour::calls},
      {"call_back", "Both ways: the worker calls its caller", &Tour::call_back},
      {"own_error", "A method's own error is a value", &Tour::own_error},
      {"unknown_name", "A service that nobody provides", &Tour::unknown_name},
      {"arguments", "Arguments that are none", &Tour::arguments},
      {"throw", "A handler that throws", &Tour::throwing},
      {"stream_to_service", "A stream to a slow reader, who stops the writer", &Tour::stream_to_service},
      {"stream_from_service", "A stream back, and we are the slow reader", &Tour::stream_from_service},
      {"cancel", "Dropping a call stops its handler", &Tour::cancel},
      {"deadline", "A deadline, kept on both sides", &Tour::deadline},
      {"killed_in_call", "SIGKILL of a worker in the middle of a call; the other one goes on", &Tour::killed_in_call},
      {"killed_in_streams", "SIGKILL of the other one in the middle of two streams", &Tour::killed_in_streams},
      {"new_workers", "New workers under the same name: everything works again", &Tour::new_workers},
      {"hub_killed", "SIGKILL of the hub: everybody comes back to the next one", &Tour::hub_killed},
      {"conversation", "A conversation: who answers dies of a message, and the next one goes on", &Tour::conversation},
      {"outbox", "An outbox: its host is stopped, killed and started anew, and each command ends once", &Tour::outbox},
      {"leave", "The end, in good order", &Tour::leave},
  };
  return all;
}

int Tour::step_count(End end) { return static_cast<int>(steps().size()) - (end == End::stay ? 1 : 0); }

Tour::Tour(Report& report, const Directory& directory, Programs programs)
    : report_(report),
      directory_(directory),
      programs_(std::move(programs)),
      uri_("unix:" + directory.path() + "/hub.sock"),
      listener_(report) {}

bool Tour::run(End end) {
  services_.serve<Audience>("audience", listener_).value();
  for (int i = 0; i < step_count(end); ++i) {
    const Step& step = steps()[static_cast<std::size_t>(i)];
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

bool Tour::start_hub() {
  const Stopwatch watch;
  did(fmt::format("starts parley hub --listen {}", uri_));
  auto started = ChildProcess::start(programs_.hub, {"hub", "--listen", uri_}, "hub: listens at", patience);
  if (!report_.expect(started.has_value(), "the hub listens", started ? std::string() : to_string(started.error()))) {
    return false;
  }
  hub_ = *std::move(started);
  hub_says(fmt::format("process {} listens, after {}", hub_->pid(), in_words(watch.time())));
  return true;
}

bool Tour::start_worker(std::size_t which) {
  const Stopwatch watch;
  did(fmt::format("starts {}", std::filesystem::path(programs_.worker).filename().string()));
  auto started = ChildProcess::start(programs_.worker, {uri_}, "offered", patience);
  if (!report_.expect(started.has_value(), "the worker offers its service",
                      started ? std::string() : to_string(started.error()))) {
    return false;
  }
  workers_[which] = *std::move(started);
  came(fmt::format("process {} offers \"station\", after {}", workers_[which]->pid(), in_words(watch.time())));
  return true;
}

parley::Task<void> Tour::connect() {
  const Stopwatch watch;
  auto connected = co_await parley::connect(loop_, uri_, {.services = &services_, .redial = true});
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
  report_.expect(pid == hub_->pid(), "the peer is the hub that we started", fmt::format("it is {}", pid));
  co_await find_worker();
}

parley::Task<void> Tour::find_worker() {
  const auto pid = value_of(co_await station().call<&Station::process>(), "process()");
  came(fmt::format("process {} is the one whom the hub gave us", pid));
  bool is_found = false;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i] || workers_[i]->pid() != pid) continue;
    at_work_ = i;
    is_found = true;
  }
  report_.expect(is_found, "it is one of those that we started", fmt::format("it is {}", pid));
}

void Tour::wait_for_killed(std::optional<ChildProcess>& process) {
  const ChildProcess::End end = process->wait(patience);
  report_.expect(end.signal == SIGKILL, "the process died of SIGKILL");
  process.reset();
}

// --- the first and the last steps

void Tour::start() {
  if (start_hub() && start_worker(0) && start_worker(1)) turn(connect());
}

void Tour::leave() {
  turn(say_goodbye());
  for (std::optional<ChildProcess>& worker : workers_) {
    const ChildProcess::End end = worker->wait(patience);
    came(end.exit_code ? fmt::format("ended with exit code {}", *end.exit_code) : "did not end by itself");
    report_.expect(end.exit_code == 0, "the worker ends with exit code 0");
  }
  did(fmt::format("kill -TERM {}", hub_->pid()));
  hub_->ask_to_end();
  const ChildProcess::End end = hub_->wait(patience);
  hub_says(end.exit_code ? fmt::format("ended with exit code {}", *end.exit_code) : "did not end by itself");
  report_.expect(end.exit_code == 0, "the hub ends with exit code 0");
  report_.expect(std::filesystem::is_empty(directory_.path()), "nobody leaves a file behind");
}

parley::Task<void> Tour::say_goodbye() {
  for (std::size_t left = workers_.size(); left-- != 0;) {
    did("leave()");
    const auto answer = co_await station().call<&Station::leave>();
    report_.expect(answer.has_value(), "leave() is answered", answer ? std::string() : to_string(answer.error()));
    co_await wait_for_providers(left);
  }
  station_.reset();
  session_->close();
  const auto closed = co_await session_->closed();
  report_.expect(closed.has_value(), "the session ends in good order",
                 closed ? std::string() : to_string(closed.error()));
  session_.reset();
}

}  // namespace tour
