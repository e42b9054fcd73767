#include <parley/parley.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>

// A worker with commands of all sorts, for the tests of the program: slow ones, those that fail, a private one.
namespace {

struct Greet {
  std::string name;
  std::optional<bool> loud = {};
  std::vector<std::string> titles = {};
};
PARLEY_FIELDS(Greet, (name, describe("Whom to greet.")), (loud, describe("In capitals.")), titles);
struct Greeting {
  std::string text;
};
struct Steps {
  std::uint32_t steps = 0;
};
struct Wait {
  std::string file;  // made when it runs, and removed when it ends in whatever way
};

Greeting greet(Greet in) {
  std::string text = "hello ";
  for (const std::string& title : in.titles) text += title + " ";
  text += in.name;
  if (in.loud.value_or(false)) text += "!";
  return {text};
}

Steps step(parley::CommandContext& context, Steps in) {
  for (std::uint32_t at = 1; at <= in.steps; ++at) {
    context.progress({.done = double(at), .total = double(in.steps), .message = "stepping"});
    context.partial(Steps{at});
  }
  return in;
}

class Mark {
 public:
  explicit Mark(std::string path) : path_(std::move(path)) {
    if (std::FILE* file = std::fopen(path_.c_str(), "w")) std::fclose(file);
  }
  ~Mark() { std::remove(path_.c_str()); }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

 private:
  std::string path_;
};

parley::Task<void> wait(parley::Loop& loop, Wait in) {
  const Mark mark(std::move(in.file));
  co_await parley::Sleep(loop, std::chrono::hours(1));
}

parley::Task<parley::Result<void>> work(parley::Loop& loop, std::string hub) {
  auto session = co_await co_await parley::connect(loop, hub);
  parley::Registry registry(loop);
  co_await co_await parley::attach(registry, *session);
  co_await co_await registry.command("greet", "Says hello", greet, {.read_only = true});
  co_await co_await registry.command("step.up", "Steps, and says so", step);
  co_await co_await registry.command(
      "disk.wipe", "Deletes everything, if it could",
      [] { return parley::Result<void>(parley::fail(parley::Code::failed, "the disk is write-protected")); },
      {.destructive = true});
  co_await co_await registry.command("wait", "Waits an hour", [&loop](Wait in) { return wait(loop, std::move(in)); });
  co_await co_await registry.command("_hidden", "For this process alone", [] { return Greeting{"hidden"}; });
  std::puts("attached"), std::fflush(stdout);
  co_return co_await session->closed();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  parley::Loop loop;
  auto worked = loop.run_until(work(loop, argv[1]));
  if (!worked) return std::fprintf(stderr, "%s\n", to_string(worked.error()).c_str()), 1;
}
