#include <parley/parley.h>
#include <csignal>
#include <cstdio>

using Answer = parley::Task<parley::Result<std::optional<parley::Envelope>>>;

// Of poison a cook dies, as of any bug; unless he is told that somebody had it before him.
Answer cook(std::string name, const parley::Party::Message& message) {
  const std::string dish(message.content->payload.begin(), message.content->payload.end());
  if (dish == "poison" && !message.is_repeated) std::raise(SIGKILL);
  const std::string text = name + " serves " + dish + (message.is_repeated ? ", carefully" : "");
  co_return parley::Envelope{.payload = {text.begin(), text.end()}};
}

parley::Task<parley::Result<void>> work(parley::Loop& loop, std::string hub, std::string name) {
  auto session = co_await co_await parley::connect(loop, hub);
  auto answer = [name](const parley::Party::Message& message) { return cook(name, message); };
  auto part = co_await co_await parley::take_part(*session, "kitchen", answer, name);
  std::puts("takes part"), std::fflush(stdout);
  co_return co_await part.ended();
}

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("Usage: conversation_worker HUB_ADDRESS NAME\n", stderr), 2;
  parley::Loop loop;
  auto worked = loop.run_until(work(loop, argv[1], argv[2]));
  if (!worked) return std::fprintf(stderr, "%s\n", to_string(worked.error()).c_str()), 1;
}
