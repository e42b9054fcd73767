#include <parley/hub.h>
#include <parley/parley.h>
#include <parley/topic.h>
#include <cstdio>

using parley::builtin::Delivery;
using parley::builtin::Topics;

parley::builtin::TopicMessage said(std::string_view text) { return {.payload = {text.begin(), text.end()}}; }
std::string text_of(const Delivery& delivery) {
  return {delivery.message.payload.begin(), delivery.message.payload.end()};
}

parley::Task<void> hear(parley::Client<Topics> topics, parley::Event& listens) {
  auto [theirs, deliveries] = parley::channel<Delivery, parley::builtin::deliveries_ahead>();
  auto subscription =
      topics.call<&Topics::subscribe>("weather", std::vector<parley::builtin::TopicSchema>(), std::move(theirs));
  if (co_await deliveries.recv()) listens.set();  // it has begun
  while (const auto delivery = co_await deliveries.recv()) {
    std::printf("  %lu: %s\n", delivery->sequence, text_of(*delivery).c_str());
    if (text_of(*delivery) == "night") co_return;  // dropping the call ends the subscription
  }
  const auto why = co_await std::move(subscription);
  std::printf("%s\n", to_string(why.error()).c_str());
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto session = co_await co_await parley::connect(loop, "mem:hub");
  auto topics = session->client<Topics>(parley::builtin::topics_name);
  auto alone = co_await co_await topics.call<&Topics::publish>("weather", said("sun"), std::nullopt);
  std::printf("sun reached %u\n", alone.reached);

  parley::Event listens;
  parley::Scope scope(loop);
  scope.spawn(hear(topics, listens));
  co_await listens.wait();
  for (const char* text : {"rain", "rain", "night"}) {
    auto published =
        co_await co_await topics.call<&Topics::publish>("weather", said(text), "key of " + std::string(text));
    std::printf("%s reached %u%s\n", text, published.reached,
                published.is_repeated ? ", since it was said before" : "");
  }
  auto unknown = co_await topics.call<&Topics::publish>("wether", said("snow"), std::nullopt);
  std::printf("%s\n", to_string(unknown.error()).c_str());
  co_return {};
}

int main() {
  parley::Loop loop;
  parley::Hub hub(loop);
  hub.topics().declare("weather").value();
  hub.listen("mem:hub").value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
