#include <fmt/format.h>
#include <parley/outbox.h>
#include <parley/parley.h>
#include <parley/registry.h>
#include <parley/testing.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "outbox_book.h"
#include "swarm.h"

// Outboxes that send to processes which take their commands: links are cut at any byte, fall silent, stall, are slow
// and carry garbage; processes die and others take their place, or they are cut off and come back; outboxes change
// between processes, take second sessions, and die. The seed draws every bound, class, deadline and deed. OutboxBook
// judges.
//
// Usage: outbox_swarm [SEED] [--seeds N]
// rule: delivery/W-08, delivery/W-12, delivery/W-15, delivery/K-08, delivery/K-11
namespace {

using namespace std::chrono_literals;
using parley::Duration;
using parley::Instant;
using parley::Outbox;
using parley::Result;
using parley::Task;
using parley::Ticket;
using parley::testing::Direction;
using parley::testing::World;
using swarm::Deed;
using swarm::Done;
using swarm::OutboxBook;
using swarm::Work;

constexpr std::size_t senders = 4;
constexpr std::array addresses = {"sim:one", "sim:two"};
constexpr std::size_t commands_of_a_sender = 70;
constexpr std::size_t links_max = 256;  // to one address

template <class T>
T one_of(World& world, std::initializer_list<T> all) {
  return all.begin()[world.prng().below(all.size())];
}

parley::core::OutboxLimits draw_limits(World& world) {
  return {.commands_max = one_of<std::uint32_t>(world, {3, 16, 64}),
          .bytes_max = one_of<std::size_t>(world, {5000, 20'000, 1 << 20}),
          .group_commands_max = one_of<std::uint32_t>(world, {2, 8, 32}),
          .waiting_max = one_of<std::uint32_t>(world, {0, 3, 64}),
          .waiting_bytes_max = one_of<std::size_t>(world, {5000, 1 << 20}),
          .results_kept = 16,
          .outage_max = one_of<Duration>(world, {500ms, 5s, 30s}),
          .acknowledge_within = one_of<Duration>(world, {1s, 10s}),
          .answer_within = one_of<Duration>(world, {100ms, 1s})};
}

parley::OutboxServiceOptions draw_service(World& world) {
  parley::OutboxServiceOptions options;
  options.limits.commands_max = one_of<std::uint32_t>(world, {2, 8, 1024});
  options.limits.bytes_max = one_of<std::size_t>(world, {5000, 4 << 20});
  options.limits.at_once = one_of<std::uint32_t>(world, {1, 3, 64});
  options.limits.deadline_max = one_of<Duration>(world, {2s, 24h});
  options.limits.results_max = one_of<std::uint32_t>(world, {2, 4}) * options.limits.commands_max;
  options.limits.results_bytes_max = one_of<std::size_t>(world, {500, 4 << 20});
  options.outboxes_max = one_of<std::uint32_t>(world, {senders, 1024});
  options.bytes_of_all_max = one_of<std::size_t>(world, {10'000, 256 << 20});
  options.away_max = one_of<Duration>(world, {1s, 10min});
  return options;
}

parley::testing::Flow draw_flow(World& world) {
  parley::testing::Flow flow;
  flow.buffer_bytes = one_of<std::size_t>(world, {200, 5000, 256 << 10});
  flow.delay_max = one_of<Duration>(world, {0ms, 5ms, 400ms});
  flow.bytes_per_second = one_of<std::uint64_t>(world, {0, 0, 20'000});
  flow.piece_bytes_max = one_of<std::size_t>(world, {0, 7, 500});
  flow.short_writes = one_of<std::uint32_t>(world, {0, 200});
  return flow;
}

// A process that does what it is told, as long as it lives.
class Process {
 public:
  Process(World& world, OutboxBook& book, std::uint64_t number, parley::OutboxServiceOptions options)
      : world_(world), book_(book), number_(number), registry_(world.loop()), options_(options) {
    service_ = std::make_unique<parley::OutboxService>(registry_, options);
    const auto added =
        world_.run(registry_.command("work", "Works", [this](parley::CommandContext& context, Work work) {
          return do_work(*this, std::string(context.meta()), std::move(work));
        }));
    world_.expect(added.has_value(), "a command");
  }
  ~Process() {
    const parley::core::OutboxReceiverCounters counters = service_->counters();
    book_.note("duplicate", counters.duplicates);
    book_.note("void", counters.voids);
    book_.note("result resent", counters.results_resent);
    stop();
    world_.settle();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void listen(const char* address) {
    server_ = std::make_unique<parley::Server>(parley::listen(world_.loop(), address).value());
    server_->serve<parley::builtin::Outbox>(std::string(parley::builtin::outbox_name), *service_).value();
  }
  void stop() { server_.reset(); }

  void check() const {
    for (const parley::builtin::OutboxEntry& each : service_->entries()) {
      const parley::core::OutboxReceiverLimits& limits = options_.limits;
      world_.expect(each.in_flight <= limits.at_once, "so many run at once");
      world_.expect(each.waiting + each.in_flight <= limits.commands_max, "what a process has to do is bounded");
      world_.expect(each.waiting + each.in_flight + each.results_kept <= limits.results_max, "and its results");
    }
    world_.expect(service_->entries().size() <= options_.outboxes_max, "and the outboxes that it knows");
  }
  bool is_idle() const { return service_->entries().empty() && registry_.requests_in_flight() == 0; }

 private:
  // One that runs.
  class Busy {
   public:
    Busy(World& world, std::size_t& count, std::size_t at_once) : count_(count) {
      world.expect(++count_ <= at_once, "so many run at once");
    }
    ~Busy() { --count_; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    std::size_t& count_;
  };

  static Task<Result<Done>> do_work(Process& self, std::string meta, Work work) {
    OutboxBook::Command& command = self.book_.command(work.tag);
    OutboxBook::Run& run = self.book_.start(command, self.number_, meta);
    const Busy busy(self.world_, command.box->running[run.life], self.options_.limits.at_once);
    if (work.deed == Deed::never) co_await parley::Event().wait();
    if (work.deed == Deed::answer_late || work.deed == Deed::fail_late) {
      co_await parley::Sleep(self.world_.loop().executor(), std::chrono::milliseconds(work.ms));
    }
    if (work.deed == Deed::answer || work.deed == Deed::answer_late) {
      Done done{fmt::format("{} by {}: {:x<{}}", work.tag, self.number_, "", work.answer_bytes)};
      run.value = fmt::format(R"({{"text":"{}"}})", done.text);
      co_return done;
    }
    run.has_failed = true;
    if (work.deed == Deed::throw_up) throw std::runtime_error("not this one");
    co_return parley::fail(parley::Code::failed, "not today");
  }

  World& world_;
  OutboxBook& book_;
  const std::uint64_t number_;
  parley::Registry registry_;
  const parley::OutboxServiceOptions options_;
  std::unique_ptr<parley::OutboxService> service_;
  std::unique_ptr<parley::Server> server_;
};

class Swarm {
 public:
  explicit Swarm(std::uint64_t seed)
      : world_(seed), book_(world_), service_(draw_service(world_)), scope_(world_.loop().executor()) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      start_process(i);
      carry(i, draw_flow(world_));
    }
  }

  void run() {
    for (Sender& sender : senders_) {
      start_outbox(sender);
      scope_.spawn(speak(*this, sender));
    }
    while (spoken_ != senders || faults_ != 0) {
      world_.pass(std::chrono::microseconds(world_.prng().between(100, 300'000)));
      check();
      if (faults_ == 0) continue;
      --faults_;
      harm();
    }
    judge();
    end();
  }
  const swarm::Book& book() {
    for (const auto& [what, times] : book_.outcomes()) counted_.outcomes[what] = times;
    return counted_;
  }
  parley::testing::Faults faults() const { return world_.faults(); }
  std::uint64_t digest() const { return world_.trace().hash() ^ book_.digest(); }

 private:
  // Where a process listens, if there is one.
  struct Place {
    std::unique_ptr<Process> process = {};
    bool is_listening = false;
    Instant back_at = {};
  };
  // One that has an outbox, and after that another one.
  struct Sender {
    std::unique_ptr<Outbox> outbox = {};
    OutboxBook::Box* box = nullptr;
    std::vector<Ticket> tickets = {};           // of this outbox
    bool is_calm = false;                       // stays where it is, and connected
    std::unique_ptr<parley::Scope> scope = {};  // keeps it connected
  };

  void start_process(std::size_t place) {
    places_[place].process = std::make_unique<Process>(world_, book_, ++processes_, service_);
    resume_process(place);
  }
  void resume_process(std::size_t place) {
    places_[place].process->listen(addresses[place]);
    places_[place].is_listening = true;
  }
  void start_outbox(Sender& sender) {
    const parley::core::OutboxLimits limits = draw_limits(world_);
    sender.tickets.clear();
    sender.outbox = std::make_unique<Outbox>(world_.loop(), parley::OutboxOptions{.limits = limits});
    sender.box = &book_.open(*sender.outbox, limits);
    sender.scope = std::make_unique<parley::Scope>(world_.loop().executor());
    sender.scope->spawn(stay_connected(*this, sender));
  }
  void stop_outbox(Sender& sender) {
    sender.scope.reset();
    book_.close(*sender.box);
    sender.outbox.reset();
    book_.expect_over(*sender.box);
  }
  void carry(std::size_t place, const parley::testing::Flow& flow) {
    world_.links(addresses[place]).carry(flow, Direction::both);
  }

  // --- sending

  static Task<void> stay_connected(Swarm& self, Sender& sender) {
    World& world = self.world_;
    parley::io::Loop& loop = world.loop();
    std::unique_ptr<parley::Session> before;
    std::size_t place = world.prng().below(addresses.size());
    for (;;) {
      if (!sender.is_calm && world.prng().chance(150)) place = world.prng().below(addresses.size());
      const std::uint64_t kind = sender.is_calm ? 0 : world.prng().below(3);
      auto session = co_await parley::connect(loop, addresses[place], {.redial = kind == 1, .stable = kind == 2});
      if (!session) {
        co_await parley::Sleep(loop.executor(), std::chrono::milliseconds(world.prng().between(10, 500)));
        continue;
      }
      static_cast<void>(co_await parley::attach(*sender.outbox, **session));
      if (before) before->close();
      before = *std::move(session);
      if (kind == 0) {
        static_cast<void>(co_await before->closed());
      } else {
        co_await parley::Sleep(loop.executor(), std::chrono::milliseconds(world.prng().between(1, 8000)));
      }
      if (sender.is_calm || world.prng().chance(500)) {
        before->close();
        before.reset();
      }
    }
  }

  static Task<void> speak(Swarm& self, Sender& sender) {
    World& world = self.world_;
    parley::Executor& executor = world.loop().executor();
    for (std::size_t i = 0; i < commands_of_a_sender; ++i) {
      if (sender.outbox) self.say_something(sender);
      if (sender.outbox && world.prng().chance(150)) self.take_something_back(sender);
      if (world.prng().chance(700)) {
        co_await parley::Sleep(executor, std::chrono::milliseconds(world.prng().below(600)));
      }
    }
    ++self.spoken_;
  }

  void say_something(Sender& sender) {
    parley::Prng& prng = world_.prng();
    parley::OutboxSendOptions options;
    options.deadline =
        std::chrono::milliseconds(one_of<std::uint64_t>(world_, {0, 200, 2000, 20'000, 20'000}) + prng.below(1000));
    if (prng.chance(300)) options.group = fmt::format("group {}", prng.below(3));
    if (prng.chance(200)) options.key = fmt::format("key {}", prng.below(2));
    if (prng.chance(400)) options.incarnation = Outbox::Incarnation::any;
    options.when_full = static_cast<Outbox::WhenFull>(prng.below(4));
    if (prng.chance(100)) options.meta = R"({"by":"the swarm"})";
    Work work{.tag = book_.next_tag(),
              .deed = draw_deed(),
              .ms = static_cast<std::uint32_t>(prng.below(one_of<std::uint64_t>(world_, {50, 4000}))),
              .answer_bytes = static_cast<std::uint32_t>(prng.chance(200) ? prng.below(1500) : 0),
              .text = std::string(prng.chance(200) ? prng.below(4500) : prng.below(50), 'x')};
    send(sender, std::move(work), std::move(options), prng.chance(20) ? "nobody.has" : "work");
  }
  Deed draw_deed() {
    const std::uint64_t drawn = world_.prng().below(20);
    return drawn < 6 ? static_cast<Deed>(drawn) : drawn < 13 ? Deed::answer : Deed::answer_late;
  }

  std::optional<Ticket> send(Sender& sender, Work work, parley::OutboxSendOptions options, const char* name = "work") {
    Outbox& outbox = *sender.outbox;
    const auto incarnation = outbox.machine().incarnation();
    const bool is_connected = outbox.machine().is_connected();
    book_.sending(*sender.box);
    const auto ticket = outbox.send(name, work, options);
    if (!ticket) {
      using WhenFull = Outbox::WhenFull;
      const parley::Code code = ticket.error().code;
      const bool is_no_probe = is_connected || options.when_full != WhenFull::only_if_connected;
      world_.expect(code == (is_no_probe ? parley::Code::overloaded : parley::Code::not_sent) ||
                        (code == parley::Code::too_large && work.text.size() + 1000 > sender.box->limits.bytes_max),
                    fmt::format("nothing is refused with {}", to_string(ticket.error())));
      return std::nullopt;
    }
    book_.sent(*sender.box, *ticket, work.text.size(), std::move(options), incarnation);
    sender.tickets.push_back(*ticket);
    return *ticket;
  }

  void take_something_back(Sender& sender) {
    if (sender.tickets.empty()) return;
    if (world_.prng().chance(200)) {
      const std::size_t before = sender.box->open.size();
      const std::size_t count = sender.outbox->purge(fmt::format("group {}", world_.prng().below(3)));
      world_.expect(sender.box->open.size() + count == before, "what was not sent is over at once");
      book_.note("purged", count);
      return;
    }
    const std::size_t last = std::min<std::size_t>(sender.tickets.size(), 8);
    const Ticket& ticket = sender.tickets[sender.tickets.size() - 1 - world_.prng().below(last)];
    const bool was_over = ticket.peek() != nullptr;
    const Outbox::Cancelled cancelled = sender.outbox->cancel(ticket);
    world_.expect(was_over == (cancelled == Outbox::Cancelled::late), "what has its result is not cancelled");
    const bool is_over = ticket.peek() != nullptr;
    world_.expect(is_over == (cancelled != Outbox::Cancelled::asked), "what was not sent is over at once");
  }

  // --- faults

  void harm() {
    for (std::size_t i = 0; i < places_.size(); ++i) bring_back(i, world_.now());
    const std::size_t place = world_.prng().below(places_.size());
    switch (world_.prng().below(10)) {
      case 0: return lose_process(place, true);
      case 1: return lose_process(place, false);
      case 2: return carry(place, draw_flow(world_));
      case 3: return lose_outbox(senders_[world_.prng().below(senders)]);
      default: swarm::break_something(world_, addresses[place], links_max);
    }
  }
  void lose_process(std::size_t number, bool dies) {
    Place& place = places_[number];
    if (!place.is_listening) return;
    if (world_.prng().chance(700)) world_.links(addresses[number]).cut();
    place.process->stop();
    place.is_listening = false;
    place.back_at = world_.now() + std::chrono::milliseconds(world_.prng().below(3000));
    if (dies) place.process.reset();
    book_.note(dies ? "process died" : "process cut off", 1);
  }
  void bring_back(std::size_t number, Instant now) {
    Place& place = places_[number];
    if (place.is_listening || now < place.back_at) return;
    if (place.process) {
      resume_process(number);
    } else {
      start_process(number);
    }
  }
  void lose_outbox(Sender& sender) {
    if (!world_.prng().chance(300)) return;
    stop_outbox(sender);
    start_outbox(sender);
    book_.note("outbox died", 1);
  }

  // --- what must be so

  void check() {
    book_.check();
    for (const Place& place : places_) {
      if (place.process) place.process->check();
    }
  }

  // When no more is broken, whoever sends is served again. A link that is to be cut behind so many bytes is cut by the
  // first command over it that is longer.
  void judge() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      bring_back(i, Instant::never());
      carry(i, {});
    }
    for (Sender& sender : senders_) sender.is_calm = true;
    bool is_served = false;
    for (int tries = 0; tries < 10 && !is_served; ++tries) {
      world_.pass(60s);
      check();
      is_served = true;
      for (Sender& sender : senders_) {
        Work work{.tag = book_.next_tag(), .deed = Deed::answer, .answer_bytes = swarm::cut_bytes_max};
        work.text.assign(swarm::cut_bytes_max, 'x');
        const auto ticket = send(sender, std::move(work), {.deadline = 30s});
        is_served &= ticket && world_.run(ticket->result()).kind == OutboxBook::Kind::applied;
      }
    }
    world_.expect(is_served, "each outbox is served again");
  }

  // An outbox that dies is forgotten when there is a next one and it has been away for long.
  void end() {
    for (Sender& sender : senders_) {
      if (world_.prng().chance(700)) world_.run(sender.outbox->close(std::chrono::seconds(world_.prng().below(5))));
      stop_outbox(sender);
    }
    world_.pass(service_.away_max);
    for (const char* const address : addresses) {
      Outbox last(world_.loop());
      const auto session = world_.run(parley::connect(world_.loop(), address, {.connect_wait_max = 10min})).value();
      const auto attached = world_.run(parley::attach(last, *session));
      world_.expect(attached.has_value(), "a last outbox is taken");
      world_.run(last.close(1s));
      world_.pass(1s);
    }
    for (const Place& place : places_) world_.expect(place.process->is_idle(), "nothing is left of any outbox");
    book_.judge();
    scope_.cancel_all();
    for (Place& place : places_) place.process.reset();
    world_.expect_quiet();
  }

  World world_;
  OutboxBook book_;
  const parley::OutboxServiceOptions service_;
  std::array<Place, addresses.size()> places_;
  std::uint64_t processes_ = 0;
  std::array<Sender, senders> senders_;
  std::size_t spoken_ = 0;
  int faults_ = 60;
  swarm::Book counted_;
  parley::Scope scope_;
};

}  // namespace

int main(int argc, char** argv) {
  return swarm::run<Swarm>(argc, argv, {"applied", "failed", "expired", "cancelled", "refused", "unknown"});
}
