#include <fmt/format.h>
#include <parley/conversation.h>
#include <parley/parley.h>
#include <parley/testing.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "swarm.h"

// A hub with three workers who take part in conversations and five clients who converse, all of which come back, while
// links are cut, fall silent, stall and carry garbage, and workers fail at messages. Judged is that everything that is
// said ends once and rightly, that replies are to what was asked, that nothing is done twice unless it says so, and
// that nothing is left when all is over.
//
// Usage: talk_swarm [SEED] [--seeds N]
namespace {

using namespace std::chrono_literals;
using parley::Conversation;
using parley::Envelope;
using parley::Kind;
using parley::OnCrash;
using parley::Participation;
using parley::Result;
using parley::Task;
using parley::testing::World;

constexpr std::size_t workers = 3;
constexpr std::size_t clients = 5;
constexpr std::size_t turns_of_a_client = 30;
constexpr const char* hub_address = "sim:hub";
constexpr const char* token = "whoever is in this world";

Envelope say(const std::string& text) { return {.id = text, .payload = {text.begin(), text.end()}}; }
std::string text_of(const Envelope& envelope) { return {envelope.payload.begin(), envelope.payload.end()}; }

class Swarm {
 public:
  explicit Swarm(std::uint64_t seed) : world_(seed), scope_(world_.loop().executor()) {
    parley::HubOptions options;
    options.tokens.add("swarm", token).value();
    options.policy.add(parley::core::Rule::parse("token:swarm see,converse,offer talk").value()).value();
    hub_ = std::make_unique<parley::Hub>(world_.loop(), options);
    world_.expect(hub_->listen(hub_address).has_value(), "the hub listens");
    for (std::size_t i = 0; i < workers + clients; ++i) join();
    for (std::size_t i = 0; i < workers; ++i) scope_.spawn(work(*this, i));
    world_.settle();
  }

  void run() {
    for (std::size_t i = 0; i < clients; ++i) scope_.spawn(client(*this, i));
    while (book_.ended != clients * turns_of_a_client) {
      world_.pass(std::chrono::microseconds(world_.prng().between(100, 200'000)));
      if (faults_ != 0) {
        --faults_;
        swarm::break_something(world_, hub_address);
      }
    }
    judge();
    scope_.cancel_all();
    for (auto& session : sessions_) session->close();
    sessions_.clear();
    world_.settle();
    world_.expect(hub_->conversations().participant_count() == 0, "whoever took part is gone with his session");
    hub_.reset();
    world_.expect_quiet();
  }
  const swarm::Book& book() const { return book_; }
  parley::testing::Faults faults() const { return world_.faults(); }
  std::uint64_t digest() const { return world_.trace().hash(); }

 private:
  void join() {
    parley::Options options{.redial = true};
    options.token = token;
    auto session = world_.run(parley::connect(world_.loop(), hub_address, std::move(options)));
    world_.expect(session.has_value(), "a session with the hub");
    sessions_.push_back(std::move(*session));
  }

  // Takes part again whenever that is over.
  static Task<void> work(Swarm& self, std::size_t number) {
    for (;;) {
      auto part = co_await parley::take_part(
          *self.sessions_[number], "talk",
          [&self](const parley::Party::Message& message) { return hear(self, message); }, fmt::format("w{}", number));
      if (part) static_cast<void>(co_await part->ended());
      co_await parley::Sleep(self.world_.loop().executor(), 50ms);
    }
  }
  static Task<Result<std::optional<Envelope>>> hear(Swarm& self, const parley::Party::Message& message) {
    const std::string text = text_of(*message.content);
    ++self.taken_[text];
    // What was on its way to one who is thought to be gone may still reach him, behind who has it again.
    if (!message.is_repeated) {
      self.world_.expect(self.first_taken_.insert(text).second, "what is done again says so");
    }
    if (self.world_.prng().chance(200)) {
      co_await parley::Sleep(self.world_.loop().executor(), std::chrono::milliseconds(self.world_.prng().below(3000)));
    }
    if (self.world_.prng().chance(30) && self.faults_ != 0) co_return parley::fail(parley::Code::failed, "not today");
    co_return say("re: " + text);
  }

  static Task<void> client(Swarm& self, std::size_t number) {
    parley::Session& session = *self.sessions_[workers + number];
    for (std::size_t i = 0; i < turns_of_a_client; ++i) {
      const std::string text = fmt::format("client {} turn {}", number, i);
      switch (self.world_.prng().below(3)) {
        case 0: {
          const auto reply = co_await parley::ask(session, {.subject = "talk", .message = say(text), .within = 10s});
          self.note(reply, text, false);
          break;
        }
        case 1: {
          const auto done =
              co_await parley::dispatch(session, {.subject = "talk", .message = say(text), .within = 10s});
          self.note(done ? Result<Conversation::Received>(done->reply) : parley::fail(done.error()), text, true);
          break;
        }
        case 2: co_await converse(self, session, text); break;
      }
      ++self.book_.ended;
      co_await parley::Sleep(self.world_.loop().executor(), std::chrono::milliseconds(self.world_.prng().below(400)));
    }
  }

  static Task<void> converse(Swarm& self, parley::Session& session, std::string text) {
    const bool routes = self.world_.prng().chance(500);
    auto conversation = co_await parley::open_conversation(
        session, {.subject = "talk", .on_crash = routes ? OnCrash::route_to_next : OnCrash::fail, .deadline = 30s});
    if (!conversation) co_return self.end(&conversation.error());
    for (int i = 0; i < 3; ++i) {
      const std::string line = fmt::format("{}, line {}", text, i);
      const auto reply = co_await conversation->exchange(say(line), 10s);
      self.note(reply, line, routes);
      if (!reply) break;
    }
    static_cast<void>(co_await conversation->close());
  }

  void note(const Result<Conversation::Received>& outcome, const std::string& text, bool may_repeat) {
    const auto found = taken_.find(text);
    const int taken = found == taken_.end() ? 0 : found->second;
    if (!may_repeat) world_.expect(taken <= 1, "without being asked to, nothing is done twice");
    if (outcome) {
      world_.expect(outcome->message && text_of(*outcome->message) == "re: " + text, "the reply is to what was asked");
      world_.expect(outcome->message->parent == text, "and says what caused it");
      world_.expect(taken >= 1, "what was answered was done");
    } else if (kind(outcome.error()) == Kind::lost || kind(outcome.error()) == Kind::not_found) {
      world_.expect(taken == 0 || may_repeat, "what is said to be lost was not done");
    }
    end(outcome ? nullptr : &outcome.error());
  }
  void end(const parley::Error* error) {
    book_.note(error);
    if (error)
      world_.expect(swarm::may_end_with(kind(*error)),
                    fmt::format("nothing that is said ends with {}", to_string(*error)));
  }

  // When no more is broken everybody takes part again, everything is answered, and of all before nothing is left.
  void judge() {
    faults_ = 0;
    std::string missed = "nothing yet";
    for (std::size_t links = workers + clients + 1; links != 0 && !missed.empty(); --links) {
      world_.pass(60s);
      missed.clear();
      for (std::size_t i = 0; i < clients; ++i) {
        const std::string text = fmt::format("{} of {}: {:x<{}}", i, links, "", swarm::cut_bytes_max);
        const auto outcome =
            world_.run(parley::ask(*sessions_[workers + i], {.subject = "talk", .message = say(text), .within = 10s}));
        if (!outcome) missed = to_string(outcome.error());
      }
    }
    world_.expect(missed.empty(), "every client is answered again, not: " + missed);
    world_.expect(hub_->conversations().size() == 0, "no conversation is left");
    world_.expect(hub_->conversations().bytes() == 0, "nor what was said in it");
    world_.expect(hub_->conversations().participant_count() == workers, "each worker takes part once");
  }

  World world_;
  std::unique_ptr<parley::Hub> hub_;
  std::vector<std::unique_ptr<parley::Session>> sessions_;
  std::map<std::string, int> taken_;   // how often each text was worked on
  std::set<std::string> first_taken_;  // by one who was not told that it is repeated
  swarm::Book book_;
  int faults_ = 30;
  parley::Scope scope_;
};

}  // namespace

int main(int argc, char** argv) { return swarm::run<Swarm>(argc, argv, {"ok", "unknown", "timed_out"}); }
