#include "sim/carrier_rules.h"

#include <fmt/format.h>

#include <array>
#include <variant>

#include "async/scope.h"
#include "async/wait.h"

namespace parley::testing {

namespace command = wire::command;

namespace {

constexpr Duration wait_max = std::chrono::seconds(10);
constexpr Duration step = std::chrono::milliseconds(1);

CommandMessage event(int number, std::size_t payload_bytes = 0) {
  CommandMessage message{.id = fmt::format("{}", number), .body = command::Event{.event = "e", .payload = {}}};
  if (payload_bytes != 0) std::get<command::Event>(message.body).payload = '"' + std::string(payload_bytes, 'x') + '"';
  return message;
}

std::string id_of(const std::optional<ReceivedCommand>& received) {
  if (!received) return "the end";
  const auto* message = std::get_if<CommandMessage>(&*received);
  return message ? message->id : "something malformed";
}

// Both ends started.
Task<Result<CarrierEnds>> open(io::Loop& loop, MakeCarriers make) {
  CarrierEnds ends = co_await co_await make();
  Result<void> second{};
  Scope scope(loop);
  Event done;
  scope.spawn([](std::shared_ptr<Carrier> end, Result<void>& into, Event& ended) -> Task<void> {
    into = co_await end->start();
    ended.set();
  }(ends.second, second, done));
  co_await co_await ends.first->start();
  co_await done.wait();
  co_await second;
  co_return ends;
}

// The next message within the time, on a loop of its own task.
struct Received {
  bool has_ended = false;
  std::optional<ReceivedCommand> what;
};
Task<void> receive_into(std::shared_ptr<Carrier> end, std::shared_ptr<Received> into) {
  into->what = co_await end->receive();
  into->has_ended = true;
}
Task<bool> until(io::Loop& loop, std::move_only_function<bool()> is_true) {
  for (Duration waited{}; waited < wait_max; waited += step) {
    if (is_true()) co_return true;
    co_await Sleep(loop, step);
  }
  co_return is_true();
}
Task<std::string> next(io::Loop& loop, std::shared_ptr<Carrier> end) {
  Scope scope(loop);
  auto received = std::make_shared<Received>();
  scope.spawn(receive_into(end, received));
  const bool came = co_await until(loop, [received] { return received->has_ended; });
  co_return came ? id_of(received->what) : std::string("nothing at all");
}

Finding unless(bool is_good, std::string found) { return is_good ? std::nullopt : Finding(std::move(found)); }
Finding expect(std::string_view what, std::string_view found, std::string_view expected) {
  return unless(found == expected, fmt::format("{}: {} instead of {}", what, found, expected));
}

#define PARLEY_OPEN(ends)                                                            \
  auto opened = co_await open(loop, std::move(make));                                \
  if (!opened) co_return fmt::format("it opens not: {}", to_string(opened.error())); \
  CarrierEnds ends = *std::move(opened)

Task<Finding> stable_id(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  const std::string before = ends.first->id();
  const std::string* const where = &ends.first->id();
  ends.first->close();
  static_cast<void>(co_await next(loop, ends.second));
  co_return unless(ends.first->id() == before && &ends.first->id() == where && !before.empty(), "its id changed");
}

Task<Finding> start_after_close(io::Loop&, MakeCarriers make) {
  auto made = co_await make();
  if (!made) co_return to_string(made.error());
  made->first->close();
  const auto started = co_await made->first->start();
  co_return unless(!started && started.error().code == Code::closed, "it started after close()");
}

Task<Finding> send_queues(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  // Nobody reads: send() answers all the same.
  for (int i = 0; i < 100; ++i) {
    if (auto sent = ends.first->send(event(i)); !sent) co_return to_string(sent.error());
  }
  ends.first->close();
  const auto sent = ends.first->send(event(100));
  if (sent || sent.error().code != Code::closed) co_return "send() after its own close() is no `closed`";
  co_return expect("the first of what was queued", co_await next(loop, ends.second), "0");
}

Task<Finding> receive_waits(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  Scope scope(loop);
  auto received = std::make_shared<Received>();
  scope.spawn(receive_into(ends.second, received));
  co_await Sleep(loop, step);
  if (received->has_ended) co_return "receive() ended before anything was sent";
  if (auto sent = ends.first->send(event(1)); !sent) co_return to_string(sent.error());
  co_await until(loop, [received] { return received->has_ended; });
  co_return expect("a receive() that waited", id_of(received->what), "1");
}

Task<Finding> own_close(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  for (int i = 0; i < 3; ++i) {
    if (auto sent = ends.first->send(event(i)); !sent) co_return to_string(sent.error());
  }
  if (auto finding = expect("a message", co_await next(loop, ends.second), "0")) co_return finding;
  ends.second->close();
  if (auto finding = expect("receive() after its own close()", co_await next(loop, ends.second), "the end")) {
    co_return finding;
  }
  Scope scope(loop);
  auto received = std::make_shared<Received>();
  scope.spawn(receive_into(ends.first, received));
  co_await until(loop, [received] { return received->has_ended; });
  co_return expect("a receive() that waits when its end is closed by the peer", id_of(received->what), "the end");
}

Task<Finding> own_close_wakes(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  Scope scope(loop);
  auto received = std::make_shared<Received>();
  scope.spawn(receive_into(ends.first, received));
  co_await Sleep(loop, step);
  ends.first->close();
  co_await until(loop, [received] { return received->has_ended; });
  co_return expect("a receive() that waited at its own close()", id_of(received->what), "the end");
}

Task<Finding> peer_close(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  for (int i = 0; i < 3; ++i) {
    if (auto sent = ends.first->send(event(i)); !sent) co_return to_string(sent.error());
  }
  ends.first->close();
  for (const char* expected : {"0", "1", "2", "the end", "the end"}) {
    if (auto finding = expect("behind the peer's close()", co_await next(loop, ends.second), expected)) {
      co_return finding;
    }
  }
  co_return std::nullopt;
}

Task<Finding> close_twice(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  ends.first->close();
  ends.first->close();
  if (auto finding = expect("the peer after close()", co_await next(loop, ends.second), "the end")) co_return finding;
  ends.second->close();
  ends.first->close();
  co_return std::nullopt;
}

Task<Finding> order(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  constexpr int count = 1000;
  for (int i = 0; i < count; ++i) {
    if (auto sent = ends.first->send(event(i)); !sent) co_return to_string(sent.error());
    if (auto sent = ends.second->send(event(-i)); !sent) co_return to_string(sent.error());
  }
  for (int i = 0; i < count; ++i) {
    if (auto finding = expect("in order", co_await next(loop, ends.second), fmt::format("{}", i))) co_return finding;
    if (auto finding = expect("back", co_await next(loop, ends.first), fmt::format("{}", -i))) co_return finding;
  }
  co_return std::nullopt;
}

Task<Finding> bounded(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  constexpr std::size_t payload = std::size_t{16} << 10;
  constexpr int far_beyond = 16384;
  int count = 0;
  for (;; ++count) {
    if (count == far_beyond) co_return "it takes 256 MiB that nobody reads";
    CommandMessage message = event(count, payload);
    const auto sent = count % 2 == 0 ? ends.first->send(message) : ends.first->give(std::move(message));
    if (sent) continue;
    if (sent.error().code != Code::overloaded) co_return to_string(sent.error());
    break;
  }
  CommandMessage refused = event(count, payload);
  if (ends.first->give(std::move(refused))) co_return "give() takes what send() refuses";
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the rule
  if (refused.id != id_of(event(count)) || std::get<command::Event>(refused.body).payload.size() < payload) {
    co_return "what give() refuses is not left as it was";
  }
  Scope scope(loop);
  auto is_writable = std::make_shared<bool>(false);
  scope.spawn([](std::shared_ptr<Carrier> end, std::shared_ptr<bool> into) -> Task<void> {
    co_await end->writable();
    *into = true;
  }(ends.first, is_writable));
  co_await Sleep(loop, step);
  for (int i = 0; i < count; ++i) {
    if (auto finding = expect("of what was taken", co_await next(loop, ends.second), fmt::format("{}", i))) {
      co_return finding;
    }
  }
  if (!co_await until(loop, [is_writable] { return *is_writable; })) co_return "writable() waits though all was read";
  const auto sent = ends.first->send(event(count));
  co_return unless(sent.has_value(), "after writable() send() refuses");
}

Task<Finding> only_sign(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  ends.first.reset();
  co_return expect("a peer that was destroyed", co_await next(loop, ends.second), "the end");
}

Task<Finding> send_to_nobody(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  ends.second.reset();
  Result<void> sent{};
  co_await until(loop, [&] {
    sent = ends.first->send(event(1));
    return !sent;
  });
  if (sent || sent.error().code != Code::link_lost) co_return "sending to an end that was destroyed is no `link_lost`";
  co_return std::nullopt;
}

Task<Finding> message_before_close(io::Loop& loop, MakeCarriers make) {
  PARLEY_OPEN(ends);
  Scope scope(loop);
  auto received = std::make_shared<Received>();
  scope.spawn(receive_into(ends.second, received));
  co_await Sleep(loop, step);
  if (auto sent = ends.first->send(event(7)); !sent) co_return to_string(sent.error());
  ends.first->close();
  co_await until(loop, [received] { return received->has_ended; });
  co_return expect("a receive() that sees a message and the end at once", id_of(received->what), "7");
}

#undef PARLEY_OPEN

constexpr std::array<CarrierRule, 13> rules = {{
    {"C1", "the id is stable and names the peer", &stable_id},
    {"C2", "it is started once, and not after close()", &start_after_close},
    {"C3", "send() queues and never waits; after its own close() it is `closed`", &send_queues},
    {"C4", "receive() waits for the next message", &receive_waits},
    {"C5", "after its own close() receive() is over at once, whatever is queued", &own_close},
    {"C5", "its own close() wakes a receive() that waits", &own_close_wakes},
    {"C6", "what was sent before the peer's close() is received, in order, and then the end", &peer_close},
    {"C7", "close() is idempotent and tells the peer", &close_twice},
    {"C9", "order is kept in each direction, nothing is lost or doubled", &order},
    {"C10", "the end is the sign that the peer is gone, also where it was destroyed", &only_sign},
    {"C11", "sending to an end that was destroyed is `link_lost`", &send_to_nobody},
    {"C12", "a message comes before an end that is there at the same time", &message_before_close},
    {"bound", "what nobody reads is bounded, and writable() tells when there is room", &bounded},
}};

}  // namespace

std::span<const CarrierRule> carrier_rules() { return rules; }

Finding check_carrier(io::Loop& loop, const CarrierRule& rule, MakeCarriers make) {
  return loop.run_until(rule.check(loop, std::move(make)));
}

}  // namespace parley::testing
