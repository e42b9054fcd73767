#include "runtime/factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/scripted_peer_suite.h"
#include "runtime/services.h"

// Services of which each session has an object of its own: when it is made, refused and destroyed.
namespace parley::runtime::factory_test {

using namespace suite;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Log = std::vector<std::string>;

// Writes down what becomes of it and of the frames that run on it.
class Desk {
 public:
  explicit Desk(Log& log, std::string name = "desk") : log_(log), name_(std::move(name)) { say("made"); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() { say("gone"); }

  Task<std::int64_t> next() { co_return ++count_; }
  Task<void> stay() {
    const Said frame(*this, "frame gone");
    co_await never_.wait();
  }
  // Leaves a cleanup behind that uses the object.
  Task<void> guard(Context& context) {
    const Said frame(*this, "frame gone");
    context.on_cancel([this](Error, Metadata) -> Task<void> {
      const Said cleanup(*this, "cleaned up");
      co_await release.wait();
    });
    co_await never_.wait();
  }
  Task<std::int64_t> sum(Rx<std::int32_t> numbers) {
    static_cast<void>(numbers);
    co_return 0;
  }
  Event release;

 private:
  struct Said {
    Said(Desk& desk, std::string what) : desk(desk), what(std::move(what)) {}
    ~Said() { desk.say(what); }
    Desk& desk;
    std::string what;
  };
  void say(const std::string& what) { log_.push_back(name_ + " " + what); }

  Log& log_;
  std::string name_;
  std::int64_t count_ = 0;
  Event never_;
};
PARLEY_SERVICE(Desk, next, stay, guard, sum);

class Shelf {
 public:
  explicit Shelf(Log& log) : log_(log) {}
  ~Shelf() { log_.emplace_back("shelf gone"); }
  Task<void> put() { co_return; }

 private:
  Log& log_;
};
PARLEY_SERVICE(Shelf, put);

class Factory : public testing::Test {
 protected:
  void serve_desk() {
    services
        .serve<Desk>("Desk",
                     [this](const io::Peer& peer) {
                       peers.push_back(peer.address);
                       auto made = std::make_unique<Desk>(log);
                       desk = made.get();
                       return made;
                     })
        .value();
  }
  ScriptOptions options() { return {.methods = &services.table()}; }

  Log log;
  std::vector<std::string> peers;
  Desk* desk = nullptr;
  Services services;
};

TEST_F(Factory, is_asked_at_the_first_call_and_once_for_each_session) {
  // rule: calls/rpc.service
  serve_desk();
  {
    Scripted first(options());
    EXPECT_THAT(log, IsEmpty());
    first.peer->says(say::call_of<&Desk::next>(1, {}), say::call_of<&Desk::next>(3, {}));
    EXPECT_THAT(first.peer->heard(), ElementsAre("response 1 0002", "response 3 0004"));
    Scripted second(options());
    second.peer->says(say::call_of<&Desk::next>(1, {}));
    EXPECT_THAT(second.peer->heard(), ElementsAre("response 1 0002"));
    EXPECT_THAT(log, ElementsAre("desk made", "desk made"));
    EXPECT_THAT(peers, ElementsAre("mem:", "mem:"));
  }
  EXPECT_THAT(log, ElementsAre("desk made", "desk made", "desk gone", "desk gone"));
}

TEST_F(Factory, that_gives_null_refuses_the_call_and_is_asked_again) {
  bool is_open = false;
  services
      .serve<Desk>("Desk",
                   [this, &is_open](const io::Peer&) { return is_open ? std::make_unique<Desk>(log) : nullptr; })
      .value();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Desk::next>(1, {}));
  EXPECT_THAT(
      scripted.peer->heard(),
      ElementsAre("response 1 {parley-error=4000 parley-note=\"the service has no object for this peer\"} 0103"));
  // With channels, whose caller must be told that nobody took them.
  scripted.peer->says(say::call_of<&Desk::sum>(3, {1}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre(HasSubstr(" 0102")));
  EXPECT_FALSE(scripted.session->has_ended());
  is_open = true;
  scripted.peer->says(say::call_of<&Desk::next>(5, {}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 5 0002"));
}

TEST_F(Factory, that_throws_fails_the_call_alone_and_is_asked_again) {
  int asked = 0;
  services
      .serve<Desk>("Desk",
                   [this, &asked](const io::Peer&) {
                     if (++asked == 1) throw std::runtime_error("no desk left");
                     if (asked == 2) throw 7;
                     return std::make_unique<Desk>(log);
                   })
      .value();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Desk::next>(1, {}), say::call_of<&Desk::next>(3, {}),
                      say::call_of<&Desk::next>(5, {}));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("response 1 {parley-error=1001 parley-note=\"no desk left\"} 0103",
                          "response 3 {parley-error=1001 parley-note=\"something that is no std::exception\"} 0103",
                          "response 5 0002"));
  EXPECT_EQ(scripted.counters().handlers_threw, 2u);
}

TEST_F(Factory, may_end_its_own_session) {
  std::optional<Scripted> scripted;
  services
      .serve<Desk>("Desk",
                   [this, &scripted](const io::Peer&) {
                     scripted->session->close({Code::closed, "by the factory"});
                     return std::make_unique<Desk>(log);
                   })
      .value();
  scripted.emplace(options());
  scripted->peer->says(say::call_of<&Desk::next>(1, {}));
  EXPECT_THAT(scripted->peer->heard(), IsEmpty());
  EXPECT_TRUE(scripted->peer->has_heard_the_end());
  EXPECT_THAT(log, ElementsAre("desk made", "desk gone"));
}

TEST_F(Factory, its_object_dies_behind_the_frames_that_run_on_it) {
  serve_desk();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Desk::stay>(1, {}), say::call_of<&Desk::stay>(3, {}));
  scripted.peer->finishes();
  EXPECT_THAT(log, ElementsAre("desk made", "desk frame gone", "desk frame gone", "desk gone"));
}

TEST_F(Factory, its_object_dies_with_the_session_though_that_is_held_in_memory) {
  serve_desk();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Desk::next>(1, {}));
  scripted.session->close({Code::closed, "enough"});
  scripted.world.settle();
  EXPECT_FALSE(scripted.is_gone);
  EXPECT_THAT(log, ElementsAre("desk made", "desk gone"));
}

TEST_F(Factory, its_object_dies_behind_the_cleanups_of_its_handlers) {
  serve_desk();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Desk::guard>(1, {}), say::call_of<&Desk::guard>(3, {}), say::cancel(1));
  scripted.peer->finishes();
  EXPECT_THAT(log, ElementsAre("desk made", "desk frame gone", "desk frame gone"));
  scripted.session.reset();
  scripted.world.settle();
  EXPECT_FALSE(scripted.is_gone);
  desk->release.set();
  scripted.world.settle();
  EXPECT_THAT(log, ElementsAre("desk made", "desk frame gone", "desk frame gone", "desk cleaned up", "desk cleaned up",
                               "desk gone"));
  EXPECT_TRUE(scripted.is_gone);
}

TEST_F(Factory, objects_of_one_session_die_the_youngest_first) {
  serve_desk();
  services.serve<Shelf>("Shelf", [this](const io::Peer&) { return std::make_unique<Shelf>(log); }).value();
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Shelf::put>(1, {}), say::call_of<&Desk::next>(3, {}));
  scripted.peer->finishes();
  EXPECT_THAT(log, ElementsAre("desk made", "desk gone", "shelf gone"));
}

TEST_F(Factory, of_a_service_that_is_served_already_is_refused_and_leaves_nothing) {
  serve_desk();
  const auto make = [this](const io::Peer&) { return std::make_unique<Desk>(log, "second"); };
  EXPECT_EQ(services.serve<Desk>("Desk", make).error().code, Code::in_use);
  EXPECT_EQ(services.serve<Desk>("Other", make).error().code, Code::in_use);
  EXPECT_EQ(services.serve<Desk>("", make).error().code, Code::invalid);
  EXPECT_THAT(services.names(), ElementsAre("Desk"));
}

}  // namespace parley::runtime::factory_test
