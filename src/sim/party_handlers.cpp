#include <stdexcept>

#include "sim/party_deeds.h"

// What the other side's calls come to.
namespace parley::sim {

Task<std::string> Party::echo(std::uint64_t ticket, std::string body) {
  HandlerGuard guard(*this, ticket);
  guard.finish();
  co_return body;
}

Task<std::int64_t> Party::add(std::uint64_t ticket, std::int64_t a, std::int64_t b) {
  HandlerGuard guard(*this, ticket);
  guard.finish();
  co_return a + b;
}

Task<Either<std::int64_t, WorkError>> Party::divide(std::uint64_t ticket, std::int64_t a, std::int64_t b) {
  HandlerGuard guard(*this, ticket);
  if (a % 2 != 0) co_await Yield();
  guard.finish();
  if (b == 0) co_return own_error(WorkError::division_by_zero);
  if (b < 0) co_return own_error(WorkError::unwilling);
  co_return a / b;
}

Task<std::uint64_t> Party::nap(Context& context, std::uint64_t ticket, std::uint64_t us) {
  HandlerGuard guard(*this, ticket);
  if (context.deadline() && *context.deadline() < world().now()) {
    scene_.verdicts.fail("calls.deadline_kept", "a handler was started behind its deadline");
  }
  co_await Sleep(executor(), std::chrono::microseconds(us));
  guard.finish();
  co_return nap_value(ticket, us);
}

Task<std::uint64_t> Party::explode(std::uint64_t ticket, std::uint64_t us) {
  HandlerGuard guard(*this, ticket);
  if (us != 0) co_await Sleep(executor(), std::chrono::microseconds(us));
  guard.finish();
  throw std::runtime_error("as it was told");  // tidy: allow throw it plays the user's code
}

Task<Result<std::uint64_t>> Party::refuse(std::uint64_t ticket, std::uint64_t us) {
  HandlerGuard guard(*this, ticket);
  if (us != 0) co_await Sleep(executor(), std::chrono::microseconds(us));
  guard.finish();
  co_return fail(refusal, "as it was told");
}

Task<std::string> Party::inflate(std::uint64_t ticket, std::uint64_t bytes) {
  HandlerGuard guard(*this, ticket);
  guard.finish();
  co_return make_body(ticket, bytes);
}

Task<std::uint64_t> Party::call_back(Context& context, std::uint64_t ticket, std::uint64_t depth) {
  HandlerGuard guard(*this, ticket);
  std::uint64_t levels = 0;
  if (depth != 0) {
    // Two sides that wait for each other's slots would wait forever without a deadline.
    Patience patience{.deadline = std::chrono::seconds(1)};
    if (context.deadline())
      patience.deadline = std::min<Duration>(*patience.deadline, *context.deadline() - world().now());
    Calling calling(*this, "call_back", patience);
    auto call = client<Workshop>(patience).call<&Workshop::call_back>(calling.ticket(), depth - 1);
    auto result = co_await call;
    calling.end(result, false, [&](std::uint64_t reached) { return reached < depth; });
    levels = result ? *result + 1 : 1;
    if (result) scene_.coverage().hit(Spot::call_back);
  }
  guard.finish();
  co_return levels;
}

Task<std::uint64_t> Party::collect(std::uint64_t ticket, std::uint64_t flow, std::uint64_t items_max,
                                   std::uint64_t pace_us, Rx<Item> items) {
  HandlerGuard guard(*this, ticket);
  co_await drain(std::move(items), flow, items_max, std::chrono::microseconds(pace_us));
  guard.finish();
  co_return scene_.flows.received(flow);
}

Task<std::uint64_t> Party::produce(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count, std::uint64_t bytes,
                                   std::uint64_t pace_us, bool closes, Tx<Item, 8> items) {
  HandlerGuard guard(*this, ticket);
  co_await feed(std::move(items), flow, count, bytes, std::chrono::microseconds(pace_us), closes);
  guard.finish();
  co_return count;
}

Task<std::uint64_t> Party::trickle(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count, Tx<Item, 0> items) {
  HandlerGuard guard(*this, ticket);
  co_await feed(std::move(items), flow, count, 1, Duration(), true);
  guard.finish();
  co_return count;
}

Task<std::uint64_t> Party::exchange(std::uint64_t ticket, std::uint64_t flow_there, std::uint64_t flow_back,
                                    Rx<Item, 4> there, Tx<Item, 64> back) {
  HandlerGuard guard(*this, ticket);
  FlowBook& book = scene_.flows;
  Receiving receiving(*this, flow_there);
  Sending sending(book, flow_back);
  std::uint64_t given_back = 0;
  while (auto item = co_await there.recv()) {
    book.on_item(flow_there, item->flow, item->index, is_whole(*item));
    book.on_sending(flow_back);
    const Item reply = make_item(flow_back, given_back, item->body.size());
    if (auto sent = co_await back.send(reply); !sent) {
      book.on_not_sent(flow_back, sent.error());
      sending.end(FlowBook::SenderEnd::stopped);
      guard.finish();
      co_return given_back;
    }
    book.on_sent(flow_back);
    ++given_back;
  }
  receiving.end(there.error());
  if (back.is_open()) {
    sending.end(FlowBook::SenderEnd::closed);
    back.close();
  } else {
    sending.end(FlowBook::SenderEnd::stopped);
  }
  guard.finish();
  co_return given_back;
}

}  // namespace parley::sim
