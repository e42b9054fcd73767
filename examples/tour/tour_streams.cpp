// The steps about streams.
#include <fmt/format.h>

#include <chrono>

#include "stopwatch.h"
#include "tour.h"

namespace tour {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t first_window = 16;  // the initial credit of a Tx<T> or Rx<T> that names none
constexpr std::uint64_t slow_items = 150;
constexpr std::uint64_t fast_items = 300'000;
constexpr std::uint64_t endless = ~std::uint64_t{0};
constexpr std::uint64_t before_the_kill = 20'000;

// How far our writing has come.
struct Sent {
  std::uint64_t items = 0;
  std::uint64_t waits = 0;  // sends that found no credit
  std::optional<parley::Error> error;
  bool has_ended = false;
  parley::Event news;  // every thousand items, and at the end
};

parley::Task<void> send_numbers(parley::Tx<std::uint64_t> tx, std::uint64_t count, Sent& sent) {
  while (sent.items != count && !sent.error) {
    if (tx.credit() == 0) ++sent.waits;
    const std::uint64_t number = sent.items + 1;
    if (auto result = co_await tx.send(number); !result) {
      sent.error = std::move(result).error();
    } else if (++sent.items % 1000 == 0) {
      sent.news.set();
    }
  }
  if (!sent.error) tx.close();
  sent.has_ended = true;
  sent.news.set();
}

std::uint64_t sum_up_to(std::uint64_t n) { return n * (n + 1) / 2; }

std::string per_second(std::uint64_t items, std::chrono::nanoseconds time) {
  return fmt::format("{:.1f} million a second", double(items) / (double(time.count()) / 1e9) / 1e6);
}

}  // namespace

void Tour::stream_to_service() {
  turn(write_to_a_slow_reader());
  if (!report_.has_failed()) turn(write_fast());
}

parley::Task<void> Tour::write_to_a_slow_reader() {
  did(fmt::format("read(numbers), and sends 1 to {}; the reader does not begin yet", slow_items));
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto call = station().call<&Station::read>(Reading{.waits_for_go_on = true, .rest_us = 1000}, std::move(rx));
  Sent sent;
  parley::Scope scope(loop_);
  scope.spawn(send_numbers(std::move(tx), slow_items, sent));
  // A call made now is answered after the service has seen what was sent before.
  static_cast<void>(co_await station().call<&Station::add>(0, 0));
  did(fmt::format("sent {} and waits: the reader's window is {}", sent.items, first_window));
  report_.expect(sent.items == first_window, "the writer stops at the window", fmt::format("it sent {}", sent.items));

  did("go_on(); the reader takes one item a millisecond");
  const Stopwatch watch;
  static_cast<void>(co_await station().call<&Station::go_on>());
  const Read read = value_of(co_await call, "read()");
  const auto time = watch.time();
  came(fmt::format("read {} in {}; window {} at first, {} at last", read.items, in_words(time), read.window_at_first,
                   read.window_at_last));
  did(fmt::format("{} of {} sends had to wait for credit", sent.waits, slow_items));
  report_.expect(read.items == slow_items && read.sum == sum_up_to(slow_items), "every item arrives once");
  report_.expect(time >= slow_items * 1ms, "the reader sets the pace", in_words(time));
  // The window may have grown where the way through the hub took longer than the reader's rests.
  report_.expect(sent.waits >= 2, "the writer waits again and again", fmt::format("it waited {} times", sent.waits));
  report_.value("slow_sends_that_waited", double(sent.waits));
}

parley::Task<void> Tour::write_fast() {
  did(fmt::format("read(numbers) again: {} items to a reader that keeps up", in_words(fast_items)));
  auto [tx, rx] = parley::channel<std::uint64_t>();
  const Stopwatch watch;
  auto call = station().call<&Station::read>(Reading{}, std::move(rx));
  Sent sent;
  parley::Scope scope(loop_);
  scope.spawn(send_numbers(std::move(tx), fast_items, sent));
  const Read read = value_of(co_await call, "read()");
  const auto time = watch.time();
  came(fmt::format("read them in {}, {}; window {} at first, {} at last", in_words(time), per_second(fast_items, time),
                   read.window_at_first, read.window_at_last));
  report_.expect(read.items == fast_items && read.sum == sum_up_to(fast_items), "every item arrives once");
  report_.expect(read.window_at_last > read.window_at_first, "the window grows with the reader");
  report_.value("window_at_last", read.window_at_last);
  report_.value("items_per_second", double(fast_items) / (double(time.count()) / 1e9));
}

void Tour::stream_from_service() { turn(read_slowly()); }

parley::Task<void> Tour::read_slowly() {
  did(fmt::format("write({}, numbers), and reads nothing yet", in_words(fast_items)));
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto call = station().call<&Station::write>(fast_items, std::move(tx));
  Written written = value_of(co_await station().call<&Station::written>(), "written()");
  came(fmt::format("wrote {} and waits", written.items));
  report_.expect(written.items == first_window, "the worker stops at the window",
                 fmt::format("it wrote {}", written.items));

  std::uint64_t items = 0;
  std::uint64_t sum = 0;
  while (items != slow_items) {
    const auto number = co_await rx.recv();
    if (!number) break;
    ++items;
    sum += *number;
    co_await parley::Sleep(loop_, 1ms);
  }
  written = value_of(co_await station().call<&Station::written>(), "written()");
  did(fmt::format("has read {}, one a millisecond", items));
  came(
      fmt::format("has written {}: {} ahead, and the window is {}", written.items, written.items - items, rx.window()));
  report_.expect(items == slow_items, "the items come", fmt::format("{} came", items));
  report_.expect(written.items - items <= rx.window(), "the worker is never further ahead than the window",
                 fmt::format("{} items", written.items - items));

  did("reads the rest as fast as it comes");
  const Stopwatch watch;
  while (const auto number = co_await rx.recv()) {
    ++items;
    sum += *number;
  }
  const auto time = watch.time();
  written = value_of(co_await call, "write()");
  did(fmt::format("read {} in {}; the window is {} now", in_words(items - slow_items), in_words(time), rx.window()));
  came(fmt::format("waited {} times for credit", in_words(written.waits)));
  report_.expect(!rx.error(), "the stream ends in good order", rx.error() ? to_string(*rx.error()) : std::string());
  report_.expect(items == fast_items && sum == sum_up_to(fast_items), "every item arrives once",
                 fmt::format("{} came", items));
}

void Tour::killed_in_streams() {
  turn(lose_streams());
  wait_for_killed(workers_[at_work_]);
}

parley::Task<void> Tour::lose_streams() {
  did("read(numbers) and write(numbers): two streams without an end, one each way");
  auto [tx_there, rx_there] = parley::channel<std::uint64_t>();
  auto reading = station().call<&Station::read>(Reading{}, std::move(rx_there));
  auto [tx_here, rx_here] = parley::channel<std::uint64_t>();
  auto writing = station().call<&Station::write>(endless, std::move(tx_here));
  Sent sent;
  parley::Scope scope(loop_);
  scope.spawn(send_numbers(std::move(tx_there), endless, sent));

  std::uint64_t items = 0;
  while (items < before_the_kill && co_await rx_here.recv()) ++items;
  while (sent.items < before_the_kill && !sent.has_ended) {
    sent.news.reset();
    co_await sent.news.wait();
  }
  did(fmt::format("has sent {} and read {}: kill -9 {}", in_words(sent.items), in_words(items), worker().pid()));
  worker().kill();
  const Stopwatch watch;
  while (co_await rx_here.recv()) ++items;
  const auto time = watch.time();
  while (!sent.has_ended) {
    sent.news.reset();
    co_await sent.news.wait();
  }
  const auto say = [](const parley::Error* error) { return error ? to_string(*error) : std::string("no error"); };
  const parley::Error* writer = sent.error ? &*sent.error : nullptr;
  did(fmt::format("our reader, {} after the kill: {}", in_words(time), say(rx_here.error())));
  did(fmt::format("our writer: {}", say(writer)));
  const auto read = co_await reading;
  const auto written = co_await writing;
  did(fmt::format("the two calls: {}", read ? "an answer" : to_string(read.error())));
  report_.expect(rx_here.error() && kind(*rx_here.error()) == parley::Kind::lost, "the reader is told that it is lost",
                 say(rx_here.error()));
  report_.expect(writer && kind(*writer) == parley::Kind::lost, "the writer is told that it is lost", say(writer));
  report_.expect(!read && kind(read.error()) == parley::Kind::unknown, "the outcome of read() is `unknown`");
  report_.expect(!written && kind(written.error()) == parley::Kind::unknown, "the outcome of write() is `unknown`");
  report_.expect(items >= before_the_kill && sent.items >= before_the_kill, "both streams were under way");
}

}  // namespace tour
