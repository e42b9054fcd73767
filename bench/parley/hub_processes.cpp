// What processes at a hub come to, beside what the kernel takes at least:
//
//   hub_processes deaths variant=worker|hub|client|waiter|next|file [n=200]   who learns of a SIGKILL, and when
//   hub_processes program variant=call|true [n=40]          a program from start to exit
//
// worker: 1,000 calls are in flight through the hub; until the first and the last of them has ended. hub: until the
// session of a client ends. client: in the middle of a stream to a worker; until the worker's handler ends.
// waiter: in a conversation with a worker; until the one who waits for its reply is told. next: the same where another
// worker goes on; until that one has replied. file: the floor of these two, until a file ends that such a worker holds.
#include "adder.h"
#include "bench.hpp"
#include "parley/hub.h"

namespace {

using namespace parley;

constexpr std::size_t calls = 1000;

class Desk {
 public:
  virtual ~Desk() = default;
  virtual Task<std::int32_t> add(std::int32_t a, std::int32_t b) = 0;
  virtual Task<void> hang() = 0;
  virtual Task<void> take(Rx<std::uint64_t> numbers) = 0;
};
PARLEY_SERVICE(Desk, (add, args(a, b)), hang, take);

class Worker final : public Desk {
 public:
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
  Task<void> hang() override { co_await never_.wait(); }
  Task<void> take(Rx<std::uint64_t> numbers) override {
    const AtEnd at_end{*this};
    while (co_await numbers.recv()) taken.set();
  }
  Event taken;
  Event ended;
  std::uint64_t ended_ns = 0;

 private:
  // A handler whose caller is gone is destroyed where it waits.
  struct AtEnd {
    ~AtEnd() {
      worker.ended_ns = bench::now_ns();
      worker.ended.set();
    }
    Worker& worker;
  };
  Event never_;
};

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe"); }
std::string parley_program() {
  return (std::filesystem::path(own_program()).parent_path() / "../parley").lexically_normal();
}

std::unique_ptr<Session> meet(Loop& loop, const std::string& uri, parley::Options options = {}) {
  for (;;) {
    auto session = loop.run_until(connect(loop, uri, options));
    if (session) return *std::move(session);
    // tidy: allow sleep the hub is being started
    usleep(1000);
  }
}

void be_worker(const std::string& uri) {
  Worker worker;
  Services services;
  services.serve<Desk>("Desk", worker).value();
  Loop loop;
  const auto session = meet(loop, uri, {.services = &services, .offer = true});
  loop.run();
}

Task<void> pour(Client<Desk> desk) {
  auto [tx, rx] = channel<std::uint64_t>();
  auto call = desk.call<&Desk::take>(std::move(rx));
  for (std::uint64_t i = 0; co_await tx.send(i);) ++i;
}
void be_client(const std::string& uri) {
  Loop loop;
  const auto session = meet(loop, uri);
  loop.run_until(pour(session->client<Desk>("Desk")));
}

// Says nothing to "wait", unless somebody had it before.
Task<Result<std::optional<Envelope>>> reply(const Party::Message& message) {
  Event never;
  if (message.content->payload.size() == 4 && !message.is_repeated) co_await never.wait();
  co_return Envelope{};
}
void take_part_in(const std::string& uri) {
  Loop loop;
  const auto session = meet(loop, uri);
  const auto part = loop.run_until(take_part(*session, "bench", reply));
  bench::check(part.has_value(), "take part");
  loop.run();
}

void kill_and_wait(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

struct Processes {
  explicit Processes(const std::string& uri) : uri(uri) {
    hub = bench::spawn({parley_program(), "hub", "--quiet", "--listen", uri}, "");
  }
  ~Processes() {
    for (const pid_t pid : {hub, other, next}) {
      if (pid != 0) kill_and_wait(pid);
    }
  }
  void start(const std::string& role) { other = begin(role); }
  pid_t begin(const std::string& role) { return bench::spawn({own_program(), "role", role, uri}, ""); }
  const std::string uri;
  pid_t hub = 0;
  pid_t other = 0;
  pid_t next = 0;
};

Task<bool> is_there(Client<Desk> desk) { co_return (co_await desk.call<&Desk::add>(1, 2)).has_value(); }

Task<void> watch(Call<void> call, std::vector<std::uint64_t>& ends, Event& all) {
  static_cast<void>(co_await call);
  ends.push_back(bench::now_ns());
  if (ends.size() == calls) all.set();
}
Task<void> wait_for(Event& event) { co_await event.wait(); }

void worker_dies(const std::string& uri, bench::Meter& first, bench::Meter& last) {
  Processes processes(uri);
  Loop loop;
  const auto session = meet(loop, uri);
  processes.start("worker");
  auto desk = session->client<Desk>("Desk");
  while (!loop.run_until(is_there(desk))) {
  }
  std::vector<std::uint64_t> ends;
  Event all;
  Scope scope(loop.executor());
  for (std::size_t i = 0; i < calls; ++i) scope.spawn(watch(desk.call<&Desk::hang>(), ends, all));
  loop.run_until(is_there(desk));  // answered behind all of them
  const std::uint64_t begin = bench::now_ns();
  kill(processes.other, SIGKILL);
  loop.run_until(wait_for(all));
  first.sample(ends.front() - begin);
  last.sample(ends.back() - begin);
}

Task<void> end_of(Session& session) { static_cast<void>(co_await session.closed()); }

void hub_dies(const std::string& uri, bench::Meter& meter) {
  Processes processes(uri);
  Loop loop;
  const auto session = meet(loop, uri);
  const std::uint64_t begin = bench::now_ns();
  kill(processes.hub, SIGKILL);
  loop.run_until(end_of(*session));
  meter.sample(bench::now_ns() - begin);
}

void client_dies(const std::string& uri, bench::Meter& meter) {
  Processes processes(uri);
  Worker worker;
  Services services;
  services.serve<Desk>("Desk", worker).value();
  Loop loop;
  const auto session = meet(loop, uri, {.services = &services, .offer = true});
  processes.start("client");
  loop.run_until(wait_for(worker.taken));
  const std::uint64_t begin = bench::now_ns();
  kill(processes.other, SIGKILL);
  loop.run_until(wait_for(worker.ended));
  meter.sample(worker.ended_ns - begin);
}

std::size_t provider_count(Loop& loop, Session& session) {
  auto directory = session.client<builtin::Directory>(builtin::directory_name);
  return loop
      .run_until([](auto asked) -> Task<Result<std::vector<builtin::DirectoryEntry>>> {
        co_return co_await asked.template call<&builtin::Directory::list>();
      }(directory))
      .value()
      .size();
}
Conversation open(Loop& loop, Session& session, OnCrash on_crash) {
  return loop.run_until(open_conversation(session, {.subject = "bench", .on_crash = on_crash})).value();
}
Envelope saying(std::string_view text) { return {.payload = {text.begin(), text.end()}}; }

Task<void> wait_in(Conversation& conversation, bool& is_answered, Event& over) {
  is_answered = (co_await conversation.exchange(saying("wait"))).has_value();
  over.set();
}

// With another worker to go on, or without.
void waited_for_dies(const std::string& uri, bench::Meter& meter, bool goes_on) {
  Processes processes(uri);
  Loop loop;
  const auto session = meet(loop, uri);
  processes.start("participant");
  while (provider_count(loop, *session) != 1) {
  }
  if (goes_on) processes.next = processes.begin("participant");
  while (provider_count(loop, *session) != (goes_on ? 2 : 1)) {
  }
  Conversation conversation = open(loop, *session, goes_on ? OnCrash::route_to_next : OnCrash::fail);
  bool is_answered = false;
  Event over;
  Scope scope(loop.executor());
  scope.spawn(wait_in(conversation, is_answered, over));
  Conversation behind = open(loop, *session, OnCrash::fail);
  bench::check(loop.run_until(behind.exchange(saying("hello"))).has_value(), "the message has been handed on");
  const std::uint64_t begin = bench::now_ns();
  kill(processes.other, SIGKILL);
  loop.run_until(wait_for(over));
  meter.sample(bench::now_ns() - begin);
  bench::check(is_answered == goes_on, "what became of it");
}

void file_ends(const std::string& uri, bench::Meter& meter) {
  Processes processes(uri);
  Loop loop;
  const auto session = meet(loop, uri);
  int ends[2];
  bench::check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  processes.start("participant");
  close(ends[1]);
  while (provider_count(loop, *session) != 1) {
  }
  const std::uint64_t begin = bench::now_ns();
  kill(processes.other, SIGKILL);
  char byte = 0;
  bench::check(read(ends[0], &byte, 1) == 0, "the end of the file");
  meter.sample(bench::now_ns() - begin);
  close(ends[0]);
}

void deaths(const bench::Options& options, const std::string& uri) {
  bench::Meter first(options, {});
  bench::Meter last(options, {});
  const int n = static_cast<int>(options.num("n", 200));
  for (int i = 0; i < n; ++i) {
    if (options.variant() == "worker") worker_dies(uri, first, last);
    if (options.variant() == "hub") hub_dies(uri, first);
    if (options.variant() == "client") client_dies(uri, first);
    if (options.variant() == "waiter") waited_for_dies(uri, first, false);
    if (options.variant() == "next") waited_for_dies(uri, first, true);
    if (options.variant() == "file") file_ends(uri, first);
  }
  const bool in_conversation =
      options.variant() == "waiter" || options.variant() == "next" || options.variant() == "file";
  const std::string peer = in_conversation ? "parley-talk-" + options.variant() : "parley-hub";
  const std::string what = in_conversation ? "who has the message dies" : options.variant() + " dies";
  std::printf("{\"case\":\"%s\",\"peer\":\"%s\",\"test\":\"%s\",\"rep\":%s,\"n\":%d,\"p50_us\":%.1f",
              options.str("case", "H-deaths").c_str(), peer.c_str(), what.c_str(), options.str("rep", "0").c_str(), n,
              first.hist().quantile_us(0.5));
  if (last.hist().count() != 0) std::printf(",\"last_us\":%.1f", last.hist().quantile_us(0.5));
  std::puts("}");
}

void program(const bench::Options& options, const std::string& uri) {
  std::vector<std::string> command = {"true"};
  std::optional<Processes> processes;
  if (options.variant() == "call") {
    processes.emplace(uri);
    processes->start("worker");
    Loop loop;
    const auto session = meet(loop, uri);
    while (!loop.run_until(is_there(session->client<Desk>("Desk")))) {
    }
    command = {parley_program(), "call", "--hub", uri, "Desk.add", "[2, 3]"};
  }
  bench::Meter meter(options, {});
  const int n = static_cast<int>(options.num("n", 40));
  for (int i = 0; i < n; ++i) {
    const std::uint64_t begin = bench::now_ns();
    const pid_t pid = bench::spawn(command, "", true);
    int status = -1;
    waitpid(pid, &status, 0);
    meter.sample(bench::now_ns() - begin);
    bench::check(status == 0, "the program ends well");
  }
  std::printf("{\"case\":\"%s\",\"peer\":\"%s\",\"test\":\"program\",\"rep\":%s,\"n\":%d,\"p50_us\":%.1f}\n",
              options.str("case", "H-program").c_str(), options.variant() == "call" ? "parley call" : "true",
              options.str("rep", "0").c_str(), n, meter.hist().quantile_us(0.5));
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 4 && argv[1] == std::string_view("role")) {
    if (argv[2] == std::string_view("worker")) be_worker(argv[3]);
    if (argv[2] == std::string_view("client")) be_client(argv[3]);
    if (argv[2] == std::string_view("participant")) take_part_in(argv[3]);
    return 0;
  }
  const bench::Options options = bench::parse(argc, argv);
  std::string folder = std::filesystem::temp_directory_path() / "parley-bench-XXXXXX";
  bench::check(mkdtemp(folder.data()) != nullptr, "mkdtemp");
  if (options.scenario == "deaths") deaths(options, "unix:" + folder + "/hub.sock");
  if (options.scenario == "program") program(options, "unix:" + folder + "/hub.sock");
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}
