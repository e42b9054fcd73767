#include <parley/conversation.h>
#include <parley/hub.h>
#include <parley/parley.h>
#include <cstdio>

using namespace std::chrono_literals;
using Answer = parley::Task<parley::Result<std::optional<parley::Envelope>>>;

parley::Envelope said(std::string_view words) { return {.payload = {words.begin(), words.end()}}; }
std::string words(const parley::Envelope& message) { return {message.payload.begin(), message.payload.end()}; }

// Knows everything but riddles, and says nothing to thanks.
Answer advise(std::string name, const parley::Party::Message& message) {
  const std::string question = words(*message.content);
  if (question == "thanks") co_return std::nullopt;
  if (question == "a riddle" && !message.is_repeated) throw std::runtime_error("no idea");
  co_return said(name + " knows " + question + (message.is_repeated ? ", where others did not" : ""));
}
parley::Behaviour advisor(std::string name) {
  return [name](const parley::Party::Message& message) { return advise(name, message); };
}

void tell(const parley::Happening& happening) {
  using What = parley::Happening::What;
  const std::string& name = happening.what == What::ended ? happening.end.name : happening.name;
  if (happening.what == What::moved) std::printf("  it is %s\n", to_string(happening.phase).data());
  if (happening.what == What::ended) std::printf("  %s is gone: %s\n", name.c_str(), happening.end.text.c_str());
  if (happening.what == What::rerouted) std::printf("  %s has message %lu now\n", name.c_str(), happening.request);
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto of_anna = co_await co_await parley::connect(loop, "mem:hub");
  auto anna = co_await co_await parley::take_part(*of_anna, "advice", advisor("anna"), "anna");
  auto of_bert = co_await co_await parley::connect(loop, "mem:hub");
  auto bert = co_await co_await parley::take_part(*of_bert, "advice", advisor("bert"), "bert");

  auto session = co_await co_await parley::connect(loop, "mem:hub");
  auto conversation = co_await co_await parley::open_conversation(
      *session, {.subject = "advice", .on_crash = parley::OnCrash::route_to_next, .deadline = 60s});
  for (const char* question : {"the weather", "a riddle", "thanks"}) {
    auto reply = co_await co_await conversation.exchange(said(question), 5s);
    std::printf("%s\n", reply.message ? words(*reply.message).c_str() : "nothing to say to that");
  }
  co_await co_await conversation.close();
  while (const auto happening = co_await conversation.happening()) tell(*happening);

  auto strict = co_await co_await parley::open_conversation(*session, {.subject = "advice"});
  const auto lost = co_await strict.exchange(said("a riddle"));
  std::printf("%s\n", to_string(lost.error()).c_str());
  const auto crash = co_await co_await strict.await_crash();
  std::printf("%s has failed: %s\n", crash.name.c_str(), crash.text.c_str());

  auto done = co_await co_await parley::dispatch(*session, {.subject = "advice", .message = said("a riddle")});
  std::printf("%s, %zu crashed before\n", words(*done.reply.message).c_str(), done.reroutes.size());
  auto missing = co_await parley::ask(*session, {.subject = "cooking", .message = said("soup")});
  std::printf("%s\n", to_string(missing.error()).c_str());
  co_return {};
}

int main() {
  parley::Loop loop;
  parley::Hub hub(loop);
  hub.listen("mem:hub").value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
