// The step about a conversation: three cooks offer one subject, and the one who has the message dies of it.
#include <fmt/format.h>

#include "stopwatch.h"
#include "tour.h"

namespace tour {

using namespace std::chrono_literals;

void Tour::conversation() {
  std::array<std::optional<ChildProcess>, 3> cooks;
  if (!start_cook(cooks[0], "anna") || !start_cook(cooks[1], "bert") || !start_cook(cooks[2], "carl")) return;
  turn(order_poison());
  wait_for_killed(cooks[0]);
  for (auto& cook : cooks) cook.reset();
  turn(wait_for_providers(workers_.size()));
}

bool Tour::start_cook(std::optional<ChildProcess>& cook, const std::string& name) {
  auto started = ChildProcess::start(programs_.cook, {uri_, name}, "takes part", 20s);
  if (!report_.expect(started.has_value(), "the cook takes part",
                      started ? std::string() : to_string(started.error()))) {
    return false;
  }
  cook = *std::move(started);
  came(fmt::format("process {} takes part in conversations about \"kitchen\" as {}", cook->pid(), name));
  return true;
}

parley::Task<void> Tour::order_poison() {
  auto opened =
      co_await parley::open_conversation(*session_, {.subject = "kitchen", .on_crash = parley::OnCrash::route_to_next});
  if (!report_.expect(opened.has_value(), "a conversation opens", opened ? "" : to_string(opened.error()))) co_return;
  {
    parley::Scope scope(loop_);
    scope.spawn(follow(*opened));
    co_await order(*opened, "soup", "anna serves soup");
    co_await order(*opened, "poison", "bert serves poison, carefully");
    co_await order(*opened, "bread", "bert serves bread");
  }
  const auto closed = co_await opened->close();
  report_.expect(closed.has_value(), "it ends in good order", closed ? std::string() : to_string(closed.error()));
}

parley::Task<void> Tour::follow(parley::Conversation& conversation) {
  while (const auto happening = co_await conversation.happening()) {
    if (happening->what == parley::Happening::What::ended) {
      hub_says(fmt::format("{} is dead: {}", happening->end.name, to_string(happening->end.kind)));
    } else if (happening->what == parley::Happening::What::rerouted) {
      hub_says(fmt::format("message {} goes to {}, and says that somebody had it before", happening->request,
                           happening->name));
    }
  }
}

parley::Task<void> Tour::order(parley::Conversation& conversation, std::string dish, std::string expected) {
  did(dish);
  const Stopwatch watch;
  const parley::Envelope message{.payload = {dish.begin(), dish.end()}};
  const auto reply = value_of(co_await conversation.exchange(message), dish);
  const auto payload = reply.message ? reply.message->payload : std::vector<std::uint8_t>();
  const std::string said(payload.begin(), payload.end());
  came(fmt::format("{}, after {}", said, in_words(watch.time())));
  report_.expect(said == expected, fmt::format("the reply is \"{}\"", expected), said);
}

}  // namespace tour
