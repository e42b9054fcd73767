#include "sim/testing_actors.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <variant>

#include "runtime/actors/supervise.h"

namespace parley::testing {
namespace {

using namespace std::chrono_literals;

struct Order {
  int number;
};
struct Parcel {
  int number;
};
struct Reminder {};

// Sends what is ordered, and reminds of it after a minute without a word.
Task<Result<void>> shop(Actor& self, ActorRef customer) {
  for (;;) {
    const Result<Order> order = co_await self.receive<Order>(1min);
    if (order) {
      co_await customer.send(Parcel{order->number});
    } else {
      co_await customer.send(Reminder());
    }
  }
}

Task<Result<void>> buy(Actor& self) {
  for (;;) {
    const auto news = co_await self.receive<Parcel, Reminder, Exited>();
    if (std::holds_alternative<Exited>(news)) co_return {};
  }
}

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class MailboxesTest : public ::testing::Test {
 protected:
  World world_{1, {.on_failure = [](const std::string& what) { throw Failed(what); }}};
  Actors actors_{world_.loop()};
  Mailboxes mailboxes_{world_, actors_};
  ActorRef customer_ = actors_.spawn(buy).value();
  ActorRef shop_ = actors_.spawn(shop, customer_).value();
};

TEST_F(MailboxesTest, each_message_comes_when_the_test_expects_it) {
  world_.settle();
  shop_.send(Order{4}).value();
  mailboxes_.disallow<Parcel>(customer_);  // the order waits, too
  mailboxes_.expect<Order>(shop_);
  mailboxes_.expect<Parcel>(customer_, [](const Parcel& parcel) { return parcel.number == 4; });
  mailboxes_.expect_none();
  mailboxes_.advance_time(59s);
  mailboxes_.disallow<Reminder>(customer_);
  mailboxes_.advance_time(1s);
  mailboxes_.expect<Reminder>(customer_);
}

TEST_F(MailboxesTest, the_end_of_an_actor_is_one_more_message) {
  world_.settle();
  customer_.get()->monitor(shop_).value();
  mailboxes_.inject_exit(shop_, {.kind = ExitReason::Kind::error, .text = "fire"});
  mailboxes_.expect<Exited>(customer_, [&](const Exited& exited) {
    return exited.who == shop_ && exited.reason.text == "fire" && exited.when == world_.now();
  });
  EXPECT_TRUE(customer_.has_ended());
}

TEST_F(MailboxesTest, what_is_not_so_ends_the_test) {
  world_.settle();
  EXPECT_THROW(mailboxes_.expect<Order>(shop_), Failed);
  shop_.send(Order{4}).value();
  EXPECT_THROW(mailboxes_.expect<Parcel>(shop_), Failed);
  EXPECT_THROW(mailboxes_.expect<Order>(shop_, [](const Order& order) { return order.number == 5; }), Failed);
  EXPECT_THROW(mailboxes_.disallow<Order>(shop_), Failed);
  EXPECT_THROW(mailboxes_.expect_none(), Failed);
}

}  // namespace
}  // namespace parley::testing
