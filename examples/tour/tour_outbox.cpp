// The step about an outbox: commands flow to a host that is stopped, killed and started anew.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "books.h"
#include "stopwatch.h"
#include "tour.h"

namespace tour {

using namespace std::chrono_literals;
using Kind = parley::TicketResult::Kind;

namespace {

struct Window {
  std::string name;
};
struct Title {
  std::string window, text;
};

// Its waits are short, so that one sees them end.
parley::OutboxOptions options() {
  return {.name = "to the host",
          .limits = {.outage_max = 2s, .acknowledge_within = 300ms, .answer_within = 500ms},
          .deadline = 500ms};
}

}  // namespace

// What dials us, what we send it, and what comes of that.
class Tour::Launcher {
 public:
  explicit Launcher(Tour& tour)
      : tour_(tour),
        address_("unix:" + tour.directory_.path() + "/launcher.sock"),
        ledger_(tour.directory_.path() + "/ledger"),
        outbox_(tour.loop_, options()),
        scope_(tour.loop_) {}
  ~Launcher() {
    std::error_code ignored;
    std::filesystem::remove(ledger_, ignored);
  }

  bool listen() {
    auto server = parley::listen(tour_.loop_, address_);
    if (!tour_.report_.expect(server.has_value(), "the launcher listens",
                              server ? std::string() : to_string(server.error()))) {
      return false;
    }
    server_.emplace(*std::move(server));
    server_->on_session([this](parley::Session& session) { scope_.spawn(attach(outbox_, session)); });
    return true;
  }

  bool start_host() {
    auto started = ChildProcess::start(tour_.programs_.host, {address_, ledger_}, "dials", 20s);
    if (!tour_.report_.expect(started.has_value(), "the host starts",
                              started ? std::string() : to_string(started.error()))) {
      return false;
    }
    host_ = *std::move(started);
    return true;
  }

  parley::Task<void> run() {
    parley::Scope sending(tour_.loop_);
    sending.spawn(send());
    tour_.did("sends commands, one each millisecond; nobody is there yet");
    co_await parley::Sleep(tour_.loop_, 50ms);
    co_await begin();
    co_await stop();
    co_await kill();
    co_await kill();
    sending.cancel_all();
    co_await outbox_.close(2s);
  }

  void look() {
    host_.reset();
    books_.read(ledger_);
    std::string table;
    std::size_t sum = 0;
    for (const Kind kind :
         {Kind::applied, Kind::failed, Kind::expired, Kind::cancelled, Kind::refused, Kind::unknown}) {
      sum += books_.results(kind);
      table += fmt::format("{:>10}", to_string(kind));
      tour_.report_.value(to_string(kind), static_cast<double>(books_.results(kind)));
    }
    tour_.did(fmt::format("{:>10}{}", "sent", table));
    table.clear();
    for (const Kind kind :
         {Kind::applied, Kind::failed, Kind::expired, Kind::cancelled, Kind::refused, Kind::unknown}) {
      table += fmt::format("{:>10}", books_.results(kind));
    }
    tour_.did(fmt::format("{:>10}{}", books_.sent(), table));
    tour_.report_.value("sent", static_cast<double>(books_.sent()));
    tour_.report_.expect(sum == books_.sent(), "each command has one result", fmt::format("{} have", sum));
    tour_.did(fmt::format("{} more were not taken, for want of room: send() said so at once", not_taken_));
    tour_.came(fmt::format("{} hosts wrote down {} commands; {} of those for any host again by the next one",
                           books_.hosts(), books_.applied(), books_.applied_again()));
    const auto faults = books_.faults();
    tour_.report_.expect(faults.empty(), "the books agree", faults.empty() ? std::string() : faults.front());
    for (const Kind kind : {Kind::applied, Kind::failed, Kind::expired, Kind::cancelled, Kind::unknown}) {
      tour_.report_.expect(books_.results(kind) != 0, fmt::format("some are `{}`", to_string(kind)));
    }
  }

 private:
  static parley::Task<void> attach(parley::Outbox& outbox, parley::Session& session) {
    static_cast<void>(co_await parley::attach(outbox, session));
  }

  parley::Task<void> send() {
    for (int n = 0;; ++n) {
      parley::OutboxSendOptions how;
      how.incarnation = n % 3 == 0 ? parley::Outbox::Incarnation::any : parley::Outbox::Incarnation::same;
      if (n % 5 == 0) how.key = "title";
      if (n % 7 == 0) how.group = "dialogs";
      if (n % 4 == 0) how.when_full = parley::Outbox::WhenFull::wait;
      const char* const name = n % 11 == 0 ? "window.close" : n % 13 == 0 ? "window.render" : "window.open";
      const Stopwatch watch;
      auto ticket = n % 5 == 0 ? outbox_.send("window.title", Title{"main", fmt::format("{}", n)}, how)
                               : outbox_.send(name, Window{"main"}, how);
      longest_ = std::max(longest_, watch.time());
      if (ticket) {
        books_.add(*ticket, how.incarnation == parley::Outbox::Incarnation::any);
      } else {
        ++not_taken_;
      }
      if (n % 200 == 199) outbox_.purge("dialogs");
      co_await parley::Sleep(tour_.loop_, 1ms);
    }
  }

  parley::Task<void> wait(bool is_there) {
    while (outbox_.entry().is_connected != is_there) co_await parley::Sleep(tour_.loop_, 1ms);
  }
  // Until so many more have a result.
  parley::Task<void> wait_for_results(std::size_t count) {
    const std::size_t until = books_.results() + count;
    while (books_.results() < until) co_await parley::Sleep(tour_.loop_, 1ms);
  }

  parley::Task<void> begin() {
    const Stopwatch watch;
    if (!start_host()) co_return;
    co_await wait(true);
    tour_.came(fmt::format("process {} takes commands, after {}", host_->pid(), in_words(watch.time())));
    co_await wait_for_results(100);
  }

  parley::Task<void> stop() {
    tour_.did(fmt::format("kill -STOP {}", host_->pid()));
    ::kill(host_->pid(), SIGSTOP);
    const Stopwatch watch;
    longest_ = {};
    co_await wait(false);
    tour_.did(fmt::format("the host acknowledges nothing: its session is over after {}; no send() took longer than {}",
                          in_words(watch.time()), in_words(longest_)));
    ::kill(host_->pid(), SIGCONT);
    tour_.did(fmt::format("kill -CONT {}", host_->pid()));
    co_await wait(true);
    tour_.report_.expect(outbox_.machine().counters().restarts == 0, "it goes on as the one that it was");
    co_await wait_for_results(100);
  }

  parley::Task<void> kill() {
    tour_.did(fmt::format("kill -9 {}", host_->pid()));
    host_->kill();
    tour_.wait_for_killed(host_);
    co_await wait(false);
    co_await parley::Sleep(tour_.loop_, 600ms);  // some expire
    co_await begin();
  }

  Tour& tour_;
  const std::string address_;
  const std::string ledger_;
  Books books_;
  std::optional<ChildProcess> host_;
  std::size_t not_taken_ = 0;
  std::chrono::nanoseconds longest_ = {};
  std::optional<parley::Server> server_;
  parley::Outbox outbox_;
  parley::Scope scope_;
};

void Tour::outbox() {
  Launcher launcher(*this);
  if (!launcher.listen()) return;
  turn(launcher.run());
  launcher.look();
}

}  // namespace tour
