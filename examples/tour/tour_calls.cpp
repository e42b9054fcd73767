// The steps about calls and how they end.
#include <fmt/format.h>

#include "stopwatch.h"
#include "tour.h"

namespace tour {

using namespace std::chrono_literals;
using parley::Code;

namespace {

constexpr std::uint64_t call_count = 10'000;
constexpr std::uint64_t started_together = 1'000;
constexpr auto deadline_of_the_tour = 50ms;

std::string_view to_string(MathError error) {
  return error == MathError::division_by_zero ? "division_by_zero" : "overflow";
}

}  // namespace

void Tour::calls() { turn(make_calls()); }

parley::Task<void> Tour::make_calls() {
  did("add(2, 40)");
  Stopwatch watch;
  const auto sum = value_of(co_await station().call<&Station::add>(2, 40), "add(2, 40)");
  came(fmt::format("{}, after {}", sum, in_words(watch.time())));
  report_.expect(sum == 42, "add(2, 40) is 42", fmt::format("it was {}", sum));

  const Place lisbon{"Lisbon", 38.7223, -9.1393};
  const Place porto{"Porto", 41.1579, -8.6291};
  did("distance({Lisbon}, {Porto}, kilometre): structs and enums as they are");
  const auto distance =
      value_of(co_await station().call<&Station::distance>(lisbon, porto, Unit::kilometre), "distance()");
  came(fmt::format("{:.0f}", distance));
  report_.expect(distance > 270 && distance < 280, "Lisbon and Porto are 274 km apart", fmt::format("{}", distance));

  did(fmt::format("add, {} times, one after the other", in_words(call_count)));
  watch = {};
  std::uint64_t right = 0;
  for (std::uint64_t i = 0; i < call_count; ++i) {
    const auto doubled = co_await station().call<&Station::add>(std::int64_t(i), std::int64_t(i));
    right += doubled && *doubled == std::int64_t(2 * i);
  }
  const double each = double(watch.time().count()) / 1e3 / double(call_count);
  came(fmt::format("{} right answers in {}: {:.1f} us each", in_words(right), in_words(watch.time()), each));
  report_.expect(right == call_count, "all of them are answered right", fmt::format("{} were", right));
  report_.value("us_per_call", each);

  did(fmt::format("add, {} times, all started before the first answer", in_words(started_together)));
  watch = {};
  std::vector<parley::Call<std::int64_t>> started;
  for (std::uint64_t i = 0; i < started_together; ++i) {
    started.push_back(station().call<&Station::add>(std::int64_t(i), 1));
  }
  right = 0;
  for (std::uint64_t i = 0; i < started_together; ++i) {
    const auto next = co_await started[i];
    right += next && *next == std::int64_t(i + 1);
  }
  const double together = double(watch.time().count()) / 1e3 / double(started_together);
  came(fmt::format("{} right answers in {}: {:.2f} us each", in_words(right), in_words(watch.time()), together));
  report_.expect(right == started_together, "all of them are answered right", fmt::format("{} were", right));
  report_.value("us_per_call_together", together);
}

void Tour::call_back() { turn(be_called_back()); }

parley::Task<void> Tour::be_called_back() {
  did("greet()");
  const Stopwatch watch;
  const int asked_before = listener_.name_count();
  const auto hello = value_of(co_await station().call<&Station::greet>(), "greet()");
  came(fmt::format("\"{}\", after {}", hello, in_words(watch.time())));
  report_.expect(listener_.name_count() == asked_before + 1, "the worker asks for our name once");
  report_.expect(hello == "hello, tour", "its answer has our name in it", hello);
}

void Tour::own_error() { turn(see_own_error()); }

parley::Task<void> Tour::see_own_error() {
  did("divide(7, 0)");
  const auto none = co_await station().call<&Station::divide>(7, 0);
  const MathError* own = none.own();
  came(own ? fmt::format("MathError::{}", to_string(*own)) : "no error of its own");
  report_.expect(own && *own == MathError::division_by_zero, "divide(7, 0) gives the method's own error",
                 none.error() ? to_string(*none.error()) : "it did not");
  did("divide(7, 2)");
  const auto three = co_await station().call<&Station::divide>(7, 2);
  report_.expect(three && *three == 3, "divide(7, 2) is 3");
  came(three ? fmt::format("{}", *three) : "nothing");
}

void Tour::unknown_name() { turn(call_what_nobody_provides()); }

parley::Task<void> Tour::call_what_nobody_provides() {
  did("Lighthouse::light(), of a \"lighthouse\" that nobody provides");
  const auto lit = co_await session_->client<Lighthouse>("lighthouse").call<&Lighthouse::light>();
  hub_says(lit ? "light" : to_string(lit.error()));
  expect_error(lit ? nullptr : &lit.error(), Code::not_found, "light()");
}

void Tour::arguments() { turn(send_what_does_not_decode()); }

parley::Task<void> Tour::send_what_does_not_decode() {
  did("distance(..., unit 7): the enum has no such value, so nothing is sent");
  const auto nowhere = co_await station().call<&Station::distance>(Place{}, Place{}, static_cast<Unit>(7));
  did(nowhere ? "a distance" : to_string(nowhere.error()));
  expect_error(nowhere ? nullptr : &nowhere.error(), Code::invalid, "distance()");

  did("shout(two bytes that are no text)");
  const auto noise = co_await station().call<&Station::shout>("\xff\xfe");
  came(noise ? *noise : to_string(noise.error()));
  expect_error(noise ? nullptr : &noise.error(), Code::arguments, "shout()");

  did("shout(\"still here\")");
  const auto shouted = value_of(co_await station().call<&Station::shout>("still here"), "shout()");
  came(fmt::format("\"{}\": a bad call costs that call alone", shouted));
  report_.expect(shouted == "STILL HERE", "the connection goes on", shouted);
}

void Tour::throwing() { turn(see_a_throw()); }

parley::Task<void> Tour::see_a_throw() {
  did("explode(\"no steam\")");
  const auto exploded = co_await station().call<&Station::explode>("no steam");
  came(exploded ? "nothing happened" : to_string(exploded.error()));
  expect_error(exploded ? nullptr : &exploded.error(), Code::handler_threw, "explode()");
  report_.expect(!exploded && exploded.error().note == "no steam", "what it said comes along");
  const auto sum = value_of(co_await station().call<&Station::add>(1, 1), "add(1, 1)");
  report_.expect(sum == 2, "the worker lives on");
}

void Tour::cancel() { turn(drop_a_call()); }

parley::Task<void> Tour::drop_a_call() {
  const std::uint64_t cancels_before = session_->counters().cancels_sent;
  Stopwatch watch;
  {
    did("brood(\"handler 1\"), which never ends");
    const auto call = station().call<&Station::brood>("handler 1");
    co_await listener_.heard("handler 1 has begun");
    did("drops the call");
    watch = {};
  }
  co_await listener_.heard("handler 1 was stopped");
  did(fmt::format("the handler's frame was destroyed over there; we know {} after the drop", in_words(watch.time())));
  report_.expect(session_->counters().cancels_sent == cancels_before + 1, "one Cancel was sent");
}

void Tour::deadline() { turn(let_a_deadline_pass()); }

parley::Task<void> Tour::let_a_deadline_pass() {
  did("brood(\"handler 2\") with a deadline of 50 ms");
  const Stopwatch watch;
  const auto brooded = co_await station().with({.deadline = deadline_of_the_tour}).call<&Station::brood>("handler 2");
  did(fmt::format("{}, after {}", brooded ? "an answer" : to_string(brooded.error()), in_words(watch.time())));
  expect_error(brooded ? nullptr : &brooded.error(), Code::deadline, "brood()");
  report_.expect(watch.time() >= deadline_of_the_tour, "it does not pass early", in_words(watch.time()));
  co_await listener_.heard("handler 2 has begun");
  co_await listener_.heard("handler 2 was stopped");
}

}  // namespace tour
