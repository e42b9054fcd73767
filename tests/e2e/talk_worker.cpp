#include <parley/parley.h>
#include <csignal>
#include <cstdio>

// Takes part in conversations on a subject, and does what a message says: `NAME: text`, but for some words.

using Answer = parley::Task<parley::Result<std::optional<parley::Envelope>>>;

Answer answer(std::string name, const parley::Party::Message& message) {
  std::string text(message.content->payload.begin(), message.content->payload.end());
  if (text == "nothing") co_return std::nullopt;
  if (text == "fail") co_return parley::fail(parley::Code::failed, "it was told to");
  if (text == "bytes") co_return parley::Envelope{.payload = {0xff, 0xfe}};
  if (text == "die" && !message.is_repeated) std::raise(SIGKILL);
  if (text == "wait") {
    std::puts("waits"), std::fflush(stdout);
    parley::Event never;
    co_await never.wait();
  }
  if (!text.starts_with('{')) text = name + ": " + text;
  co_return parley::Envelope{.payload = {text.begin(), text.end()}};
}

parley::Task<parley::Result<void>> work(parley::Loop& loop, std::string hub, std::string subject, std::string name) {
  auto session = co_await co_await parley::connect(loop, hub);
  auto answers = [name](const parley::Party::Message& message) { return answer(name, message); };
  auto part = co_await co_await parley::take_part(*session, subject, answers, name);
  std::puts("takes part"), std::fflush(stdout);
  co_return co_await part.ended();
}

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("Usage: talk_worker HUB SUBJECT NAME\n", stderr), 2;
  parley::Loop loop;
  auto worked = loop.run_until(work(loop, argv[1], argv[2], argv[3]));
  if (!worked) return std::fprintf(stderr, "%s\n", to_string(worked.error()).c_str()), 1;
}
