#include <fmt/format.h>
#include <parley/parley.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

// Two ends of a stable session, each a process, for a test that breaks the links between them:
//
//   stable_peer serve URI FILE      serves a ledger, says where, and writes down in FILE what it is told
//   stable_peer work URI HOW COUNT  calls and streams both ways, until the session has come back COUNT times (HOW is
//                                   "resumed"), for COUNT seconds ("seconds"), or until it is lost ("lost"); what was
//                                   lost, doubled or reordered, it says at once and ends with 1
namespace {

using namespace parley;

constexpr std::uint32_t callers = 4;

struct Item {
  std::uint64_t index = 0;
  std::string body;
};
std::string body_of(std::uint64_t index) { return std::string(index * 37 % 3000, static_cast<char>('a' + index % 26)); }

class Ledger {
 public:
  explicit Ledger(std::FILE* file) : file_(file) {}

  // Each caller counts on from 0; what comes twice or out of order is an error. The answer is as long as the note.
  Task<Result<std::string>> note(std::uint32_t caller, std::uint64_t number, std::string body) {
    std::fputs(fmt::format("{} {}\n", caller, number).c_str(), file_);
    std::fflush(file_);
    if (caller >= callers) co_return fail(Code::invalid, "no such caller");
    if (number != noted_[caller]) {
      co_return fail(Code::invalid,
                     fmt::format("note {} of caller {}, where {} is due", number, caller, noted_[caller]));
    }
    ++noted_[caller];
    co_return body;
  }
  Task<Result<std::uint64_t>> collect(Rx<Item, 16> items) {
    std::uint64_t count = 0;
    while (auto item = co_await items.recv()) {
      if (item->index != count || item->body != body_of(count)) {
        co_return fail(Code::invalid, fmt::format("item {} where {} is due", item->index, count));
      }
      ++count;
    }
    if (items.error()) co_return fail(*items.error());
    co_return count;
  }
  Task<std::uint64_t> produce(std::uint64_t count, Tx<Item, 16> items) {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!co_await items.send(Item{i, body_of(i)})) co_return i;
    }
    items.close();
    co_return count;
  }

 private:
  std::FILE* file_;
  std::uint64_t noted_[callers] = {};
};
PARLEY_SERVICE(Ledger, note, collect, produce);

int serve(const char* uri, const char* path) {
  std::FILE* const file = std::fopen(path, "a");
  if (!file) return std::perror(path), 2;
  Ledger ledger(file);
  Loop loop;
  auto server = listen(loop, uri);
  if (!server) return std::fputs((to_string(server.error()) + "\n").c_str(), stderr), 2;
  server->serve<Ledger>("Ledger", ledger).value();
  std::puts(server->address().c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

// What the working end does until it has had enough, or something is wrong.
class Work {
 public:
  enum class Until : std::uint8_t { resumed, seconds, lost };
  Work(Loop& loop, Session& session, Until until, std::uint64_t count)
      : loop_(loop),
        session_(session),
        client_(session.client<Ledger>("Ledger")),
        until_(until),
        count_(count),
        ends_(loop.executor().now() + std::chrono::seconds(count)) {}

  bool has_enough() const {
    switch (until_) {
      case Until::resumed: return session_.counters().links_resumed >= count_;
      case Until::seconds: return loop_.executor().now() >= ends_;
      case Until::lost: return false;
    }
    return true;
  }

  Task<Result<void>> call(std::uint32_t caller) {
    for (std::uint64_t number = 0; !has_enough(); ++number) {
      const std::string body = body_of(number + caller);
      const std::string answer = co_await co_await client_.call<&Ledger::note>(caller, number, body);
      if (answer != body) co_return fail(Code::bug, fmt::format("call {} has the answer of another", number));
      ++calls;
    }
    co_return {};
  }
  Task<Result<void>> send() {
    while (!has_enough()) {
      auto [out, in] = channel<Item, 16>();
      auto collecting = client_.call<&Ledger::collect>(std::move(in));
      for (std::uint64_t i = 0; i < round; ++i) {
        const Item item{i, body_of(i)};
        co_await co_await out.send(item);
        ++items;
      }
      out.close();
      const std::uint64_t collected = co_await co_await std::move(collecting);
      if (collected != round) co_return fail(Code::bug, fmt::format("{} of {} items were collected", collected, round));
    }
    co_return {};
  }
  Task<Result<void>> receive() {
    while (!has_enough()) {
      auto [out, in] = channel<Item, 16>();
      auto producing = client_.call<&Ledger::produce>(round, std::move(out));
      std::uint64_t received = 0;
      while (auto item = co_await in.recv()) {
        if (item->index != received || item->body != body_of(received)) {
          co_return fail(Code::bug, fmt::format("item {} where {} is due", item->index, received));
        }
        ++received;
        ++items;
      }
      if (in.error()) co_return fail(*in.error());
      const std::uint64_t produced = co_await co_await std::move(producing);
      if (produced != received) co_return fail(Code::bug, fmt::format("{} of {} items came", received, produced));
    }
    co_return {};
  }
  // All of these at once.
  Task<Result<void>> all() {
    std::optional<Error> failure;
    Event done;
    std::uint32_t running = callers + 2;
    Scope scope(loop_.executor());
    const auto start = [&](Task<Result<void>> task) { scope.spawn(watch(std::move(task), failure, running, done)); };
    for (std::uint32_t caller = 0; caller < callers; ++caller) start(call(caller));
    start(send());
    start(receive());
    co_await done.wait();
    if (failure) co_return fail(*failure);
    co_return {};
  }

  std::uint64_t calls = 0;
  std::uint64_t items = 0;

 private:
  static constexpr std::uint64_t round = 50;

  static Task<void> watch(Task<Result<void>> task, std::optional<Error>& failure, std::uint32_t& running, Event& done) {
    if (const Result<void> ended = co_await std::move(task); !ended && !failure) failure = ended.error();
    if (--running == 0) done.set();
  }

  Loop& loop_;
  Session& session_;
  Client<Ledger> client_;
  const Until until_;
  const std::uint64_t count_;
  const Instant ends_;
};

Task<Result<void>> work(Loop& loop, std::string uri, Work::Until until, std::uint64_t count) {
  Options options;
  options.stable = true;
  auto session = co_await co_await connect(loop, uri, options);
  std::puts("connected");
  std::fflush(stdout);
  Work work(loop, *session, until, count);
  const Result<void> done = co_await work.all();
  const auto& counters = session->counters();
  std::puts(fmt::format("{{\"calls\":{},\"items\":{},\"resumed\":{},\"resent\":{},\"repeated\":{},\"end\":\"{}\"}}",
                        work.calls, work.items, counters.links_resumed, counters.messages_resent,
                        counters.messages_repeated, done ? "done" : to_string(done.error()))
                .c_str());
  std::fflush(stdout);
  if (until != Work::Until::lost) co_return done;
  const Result<void> closed = co_await session->closed();
  if (closed || kind(closed.error()) != Kind::lost) co_return fail(Code::bug, "the session did not end as lost");
  co_return {};
}

std::optional<Work::Until> until_of(std::string_view word) {
  if (word == "resumed") return Work::Until::resumed;
  if (word == "seconds") return Work::Until::seconds;
  if (word == "lost") return Work::Until::lost;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "serve") return serve(argv[2], argv[3]);
  const auto until = argc == 5 ? until_of(argv[3]) : std::nullopt;
  std::uint64_t count = 0;
  if (!until || std::string_view(argv[1]) != "work" ||
      std::from_chars(argv[4], argv[4] + std::strlen(argv[4]), count).ec != std::errc()) {
    std::fputs("stable_peer serve URI FILE | stable_peer work URI resumed|seconds|lost COUNT\n", stderr);
    return 2;
  }
  Loop loop;
  const Result<void> worked = loop.run_until(work(loop, argv[2], *until, count));
  if (!worked) return std::fputs((to_string(worked.error()) + "\n").c_str(), stderr), 1;
  return 0;
}
