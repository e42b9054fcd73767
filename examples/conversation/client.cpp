#include <parley/parley.h>
#include <cstdio>

parley::Task<void> follow(parley::Conversation& conversation) {
  while (const auto happening = co_await conversation.happening()) {
    if (happening->what == parley::Happening::What::ended) {
      std::printf("  %s is dead: %s\n", happening->end.name.c_str(), to_string(happening->end.kind).data());
    } else if (happening->what == parley::Happening::What::rerouted) {
      std::printf("  message %lu goes to %s\n", happening->request, happening->name.c_str());
    }
  }
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string hub) {
  auto session = co_await co_await parley::connect(loop, hub);
  auto conversation = co_await co_await parley::open_conversation(
      *session, {.subject = "kitchen", .on_crash = parley::OnCrash::route_to_next});
  parley::Scope scope(loop);
  scope.spawn(follow(conversation));
  for (const std::string dish : {"soup", "poison", "bread", "cake"}) {
    const parley::Envelope message{.payload = {dish.begin(), dish.end()}};
    const auto reply = co_await co_await conversation.exchange(message);
    std::printf("%s: %.*s\n", dish.c_str(), static_cast<int>(reply.message->payload.size()),
                reinterpret_cast<const char*>(reply.message->payload.data()));
  }
  co_return co_await conversation.close();
}

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: conversation_client HUB_ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
