// Real hosts at real sockets, which are stopped, killed and started anew at any point while commands flow to them; and
// what they wrote down beside what their sender was told.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "books.h"
#include "parley/parley.h"
#include "process.h"

namespace {

using namespace std::chrono_literals;
using parley::Outbox;
using Kind = parley::TicketResult::Kind;

struct Window {
  std::string name;
};
struct Title {
  std::string window, text;
};

// A folder for temporary files.
class Place {
 public:
  Place() : path_(std::filesystem::temp_directory_path() / "parley-kills-XXXXXX") {
    if (!::mkdtemp(path_.data())) throw std::runtime_error("no folder for temporary files");
  }
  ~Place() { std::filesystem::remove_all(path_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : random_(seed), scope_(loop_) {
    server_.on_session([this](parley::Session& session) { scope_.spawn(attach(outbox_, session)); });
  }

  void run(int lives) { loop_.run_until(live(lives)); }
  // After which no host writes any more.
  const tour::Books& books() {
    hosts_.clear();
    books_.read(ledger_);
    return books_;
  }
  const parley::core::OutboxCounters& counters() const { return outbox_.machine().counters(); }

 private:
  static parley::Task<void> attach(Outbox& outbox, parley::Session& session) {
    static_cast<void>(co_await parley::attach(outbox, session));
  }
  parley::Task<void> pause(std::uint64_t us_max) {
    co_await parley::Sleep(loop_, std::chrono::microseconds(random_.below(us_max)));
  }

  parley::Task<void> live(int lives) {
    parley::Scope sending(loop_);
    sending.spawn(send());
    for (int life = 0; life < lives; ++life) {
      start_host();
      const bool is_there = life % 3 == 0;  // of the others some die before they have said anything
      while (is_there && !outbox_.entry().is_connected) co_await parley::Sleep(loop_, 1ms);
      co_await pause(150'000);
      switch (random_.below(5)) {
        case 0:  // it stops, goes on, and is killed
          signal(SIGSTOP);
          co_await pause(400'000);
          signal(SIGCONT);
          co_await pause(50'000);
          break;
        case 1:  // the next one comes while it is stopped, and then it goes on beside that one
          signal(SIGSTOP);
          start_host();
          co_await pause(300'000);
          ::kill(hosts_.front().pid(), SIGCONT);
          co_await pause(100'000);
          break;
        case 2:  // it is killed while it is stopped
          signal(SIGSTOP);
          co_await pause(50'000);
          break;
        default: break;
      }
      hosts_.clear();
      if (random_.below(4) == 0) co_await pause(300'000);
    }
    start_host();
    sending.cancel_all();
    co_await outbox_.close(3s);
  }

  void start_host() {
    auto started = tour::ChildProcess::start(PARLEY_OUTBOX_HOST, {address_, ledger_}, "dials", 60s);
    if (!started) throw std::runtime_error(to_string(started.error()));
    hosts_.push_back(*std::move(started));
  }
  void signal(int number) { ::kill(hosts_.back().pid(), number); }

  parley::Task<void> send() {
    for (;;) {
      for (std::uint64_t more = random_.below(4); more != 0; --more) send_one();
      if (random_.below(50) == 0) outbox_.purge("dialogs");
      co_await parley::Sleep(loop_, 1ms);
    }
  }
  void send_one() {
    using WhenFull = Outbox::WhenFull;
    constexpr WhenFull policies[] = {WhenFull::reject, WhenFull::drop_oldest, WhenFull::wait,
                                     WhenFull::only_if_connected};
    parley::OutboxSendOptions how{.when_full = policies[random_.below(std::size(policies))]};
    how.deadline = std::chrono::milliseconds(20 + random_.below(400));
    const bool is_for_any = random_.below(2) == 0;
    if (is_for_any) how.incarnation = Outbox::Incarnation::any;
    if (random_.below(6) == 0) how.key = "title";
    if (random_.below(6) == 0) how.group = "dialogs";
    constexpr std::string_view commands[] = {"window.open", "window.render", "window.close", "window.open"};
    // Some are large: of these a socket takes only a part.
    const Window window{std::string(random_.below(10) == 0 ? 60'000 : 5, 'w')};
    const auto ticket = outbox_.send(commands[random_.below(std::size(commands))], window, std::move(how));
    if (!ticket) return;
    books_.add(*ticket, is_for_any);
    if (random_.below(20) == 0) outbox_.cancel(*ticket);
  }

  const Place place_;
  const std::string address_ = "unix:" + place_.file("launcher.sock");
  const std::string ledger_ = place_.file("ledger");
  parley::Prng random_;
  tour::Books books_;
  std::vector<tour::ChildProcess> hosts_;  // the last one is the newest
  parley::Loop loop_;
  parley::Server server_ = parley::listen(loop_, address_).value();
  Outbox outbox_{
      loop_,
      {.name = "to the host", .limits = {.outage_max = 1s, .acknowledge_within = 200ms, .answer_within = 300ms}}};
  parley::Scope scope_;
};

class OutboxKills : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(OutboxKills, at_any_point_nothing_is_applied_twice_and_each_command_is_told_of_truly) {
  // rule: delivery/K-03, delivery/K-04, delivery/K-05, delivery/K-08, delivery/W-09, delivery/W-12, delivery/W-13
  Storm storm(GetParam());
  storm.run(12);
  const tour::Books& books = storm.books();
  for (const std::string& each : books.faults()) ADD_FAILURE() << each;
  EXPECT_EQ(books.results(), books.sent());
  // How many of each kind there are is a matter of what the machine does meanwhile.
  EXPECT_GT(books.results(Kind::applied), 0u);
  EXPECT_GE(storm.counters().restarts, 3u);
  RecordProperty("commands", static_cast<int>(books.sent()));
  RecordProperty("applied", static_cast<int>(books.applied()));
  RecordProperty("applied_again", static_cast<int>(books.applied_again()));
}

// --- that the books find what does not agree

class OutboxBooks : public ::testing::Test {
 protected:
  // Two tickets, 1 that is cancelled and 2 that is applied.
  void SetUp() override { loop_.run_until(send()); }
  // What is wrong where this is what the host wrote down, as {process, ticket}.
  std::vector<std::string> faults(const std::vector<std::pair<int, int>>& ledger) {
    std::ofstream file(place_.file("ledger"));
    for (const auto& [pid, ticket] : ledger) file << fmt::format("{} note {{\"ticket\":\"0-{}\"}}\n", pid, ticket);
    file.close();
    tour::Books books;
    for (const parley::Ticket& each : tickets_) books.add(each, false);
    books.read(place_.file("ledger"));
    return books.faults();
  }

 private:
  parley::Task<void> send() {
    (co_await registry_.command("note", "Notes it", [] { return Window{"main"}; })).value();
    server_.serve<parley::builtin::Outbox>(std::string(parley::builtin::outbox_name), service_).value();
    Outbox outbox(loop_);
    tickets_.push_back(outbox.send("note").value());
    outbox.cancel(tickets_.back());
    auto session = (co_await parley::connect(loop_, "mem:host")).value();
    (co_await parley::attach(outbox, *session)).value();
    tickets_.push_back(outbox.send("note").value());
    co_await tickets_.back().result();
  }

  const Place place_;
  parley::Loop loop_;
  parley::Registry registry_{loop_};
  parley::OutboxService service_{registry_};
  parley::Server server_ = parley::listen(loop_, "mem:host").value();
  std::vector<parley::Ticket> tickets_;
};

TEST_F(OutboxBooks, what_does_not_agree_is_noticed) {
  EXPECT_EQ(faults({{7, 2}}), std::vector<std::string>());
  EXPECT_EQ(faults({}), std::vector<std::string>{"2, which is `applied`, was not applied"});
  EXPECT_EQ(faults({{7, 1}, {7, 2}}), std::vector<std::string>{"1, which is `cancelled`, was applied"});
  EXPECT_EQ(faults({{7, 2}, {8, 2}}), std::vector<std::string>{"2, which is `applied`, was applied by two hosts"});
  EXPECT_EQ(faults({{7, 2}, {7, 3}}), std::vector<std::string>{"1 were applied that nobody sent"});
  EXPECT_EQ(faults({{7, 2}, {7, 2}}).front(), "2, which is `applied`, was applied twice by one host");
}

INSTANTIATE_TEST_SUITE_P(Seeds, OutboxKills, ::testing::Range<std::uint64_t>(1, 7));

}  // namespace
