#include <parley/hub.h>
#include <parley/parley.h>
#include <cstdio>

struct Copy {
  std::string from;
  std::string to;
  bool dry_run = false;
};
PARLEY_FIELDS(Copy, (from, describe("What is copied.")), (dry_run, default_(false), describe("Only looks.")));
struct Copied {
  std::string to;
  std::uint64_t bytes = 0;
};

class Files {
 public:
  explicit Files(parley::Registry& registry) : registry_(registry) {}

  parley::Result<Copied> copy(parley::CommandContext& context, Copy in) {
    if (in.from == in.to) return parley::fail(parley::Code::failed, "a file is not copied onto itself");
    context.progress({.done = 1, .total = 2, .message = in.from});
    const Copied copied{in.to, in.dry_run ? 0u : 300u};
    PARLEY_TRY(registry_.emit("files.copied", copied));
    return copied;
  }

 private:
  parley::Registry& registry_;
};

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto of_worker = co_await co_await parley::connect(loop, "mem:hub");
  parley::Registry worker(loop);
  Files files(worker);
  co_await co_await parley::attach(worker, *of_worker);
  co_await co_await worker.command("files.copy", "Copies a file", files, &Files::copy, {.destructive = true});

  auto session = co_await co_await parley::connect(loop, "mem:hub");
  parley::Registry client(loop);
  co_await co_await parley::attach(client, *session);
  auto listening = co_await client.on<Copied>("files.**", [](std::string_view event, Copied copied) {
    std::printf("%.*s: %s\n", static_cast<int>(event.size()), event.data(), copied.to.c_str());
  });

  parley::ExecuteOptions options{.deadline = std::chrono::seconds(5)};
  options.on_progress = [](std::string_view told) { std::printf("%.*s\n", int(told.size()), told.data()); };
  auto copied = co_await co_await client.execute<Copied>("files.copy", Copy{"a", "b"}, std::move(options));
  std::printf("%lu bytes are in %s\n", copied.bytes, copied.to.c_str());

  auto refused = co_await client.execute<Copied>("files.copy", Copy{"a", "a"});
  std::printf("%s\n", to_string(refused.error()).c_str());
  auto wrong = co_await client.execute_json("files.copy", R"({"from": "a", "to": 7})");
  std::printf("%s\n", to_string(wrong.error()).c_str());
  auto missing = co_await client.execute("files.move");
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
