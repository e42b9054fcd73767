// The steps about processes that die and others that take their place.
#include <fmt/format.h>

#include "stopwatch.h"
#include "tour.h"

namespace tour {

using namespace std::chrono_literals;
using parley::Code;

void Tour::killed_in_call() {
  turn(lose_a_call());
  wait_for_killed(workers_[at_work_]);
  turn(go_on_with_the_other());
}

parley::Task<void> Tour::lose_a_call() {
  did("brood(\"handler 3\")");
  auto call = station().call<&Station::brood>("handler 3");
  co_await listener_.heard("handler 3 has begun");
  did(fmt::format("kill -9 {}", worker().pid()));
  const Stopwatch watch;
  worker().kill();
  const auto brooded = co_await call;
  did(fmt::format("{}, {} after the kill", brooded ? "an answer" : to_string(brooded.error()), in_words(watch.time())));
  report_.expect(!brooded && kind(brooded.error()) == parley::Kind::unknown,
                 "the outcome is `unknown`: it was sent and may have happened",
                 brooded ? "there was an answer" : to_string(brooded.error()));
}

parley::Task<void> Tour::go_on_with_the_other() {
  did("add(1, 1), by the client that we have: its next call goes to whoever is left");
  const auto sum = value_of(co_await station().call<&Station::add>(1, 1), "add(1, 1)");
  report_.expect(sum == 2, "add(1, 1) is 2");
  co_await find_worker();
}

void Tour::new_workers() {
  turn(find_nobody());
  if (start_worker(0) && start_worker(1)) turn(check_that_all_works());
}

parley::Task<void> Tour::find_nobody() {
  did("add(1, 1), and both workers are dead");
  const auto sum = co_await station().call<&Station::add>(1, 1);
  hub_says(sum ? fmt::format("{}", *sum) : to_string(sum.error()));
  expect_error(sum ? nullptr : &sum.error(), Code::not_found, "add(1, 1)");
}

void Tour::hub_killed() {
  did(fmt::format("kill -9 {}: it cannot remove its socket file; the next one replaces it", hub_->pid()));
  hub_->kill();
  wait_for_killed(hub_);
  if (!start_hub()) return;
  turn(wait_for_everybody());
  if (!report_.has_failed()) turn(check_that_all_works());
}

// Both the workers and we dial again by ourselves; what is called before that says so.
parley::Task<void> Tour::wait_for_everybody() {
  const Stopwatch watch;
  std::string last;
  for (;;) {
    const auto sum = co_await station().call<&Station::add>(20, 22);
    const std::string said = sum ? fmt::format("{}, after {}", *sum, in_words(watch.time())) : to_string(sum.error());
    if (said != last) did(fmt::format("add(20, 22): {}", said));
    if (sum) break;
    last = said;
    co_await parley::Sleep(loop_, 10ms);
  }
  co_await wait_for_providers(workers_.size());
  hub_says(fmt::format("{} workers are back, after {}", workers_.size(), in_words(watch.time())));
}

// Until the hub knows of so many.
parley::Task<void> Tour::wait_for_providers(std::size_t count) {
  auto directory = session_->client<parley::builtin::Directory>(parley::builtin::directory_name);
  for (;;) {
    const auto providers = value_of(co_await directory.call<&parley::builtin::Directory::list>(), "list()");
    if (providers.size() == count) co_return;
    co_await parley::Sleep(loop_, 1ms);
  }
}

parley::Task<void> Tour::check_that_all_works() {
  co_await find_worker();
  const auto sum = value_of(co_await station().call<&Station::add>(20, 22), "add(20, 22)");
  report_.expect(sum == 42, "add(20, 22) is 42");
  const auto hello = value_of(co_await station().call<&Station::greet>(), "greet()");
  report_.expect(hello == "hello, tour", "the worker calls back");
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto call = station().call<&Station::write>(100u, std::move(tx));
  std::uint64_t total = 0;
  while (const auto number = co_await rx.recv()) total += *number;
  value_of(co_await call, "write(100)");
  report_.expect(total == 5050, "a stream of 1 to 100 adds up to 5050", fmt::format("to {}", total));
  came(fmt::format("add(20, 22) is {}, greet() says \"{}\", a stream of 1 to 100 adds up to {}", sum, hello, total));
}

}  // namespace tour
