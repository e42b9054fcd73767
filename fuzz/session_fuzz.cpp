// A whole session against a peer that sends anything. The first byte chooses role and wire, whether the peer reads what
// it is answered, whether it is silent at last, how it leaves, who serves, and whether files come along; the second how
// the rest is cut into writes; now and then time passes. Whatever comes, it costs this session only: what was pending
// has ended, nothing is left alive, and memory stays bounded.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "async/scope.h"
#include "async/wait.h"
#include "io/memory_stream.h"
#include "runtime/client.h"
#include "runtime/framed_link.h"
#include "runtime/services.h"
#include "still_world.h"

namespace {

using namespace parley;

// Numbers that stand for open files.
std::vector<io::Descriptor> open_files(std::size_t count) {
  std::vector<io::Descriptor> files;
  for (std::size_t i = 0; i < count; ++i) files.emplace_back(1000 + static_cast<int>(i), [](int) {});
  return files;
}

// A part of the Testbed service, so that recorded traffic of its peers reaches handlers.
class Testbed {
 public:
  virtual ~Testbed() = default;
  virtual Task<std::string> echo(std::string text) = 0;
  virtual Task<std::int64_t> sum(Rx<std::int32_t> numbers) = 0;
  virtual Task<void> generate(Context& context, std::uint32_t count, Tx<std::int32_t> out) = 0;
  virtual Task<void> flood(Rx<std::int32_t, 256> in) = 0;  // none of theirs: more credit than a foreign receiver holds
};
PARLEY_SERVICE(Testbed, echo, sum, generate, flood);

class Service final : public Testbed {
 public:
  Task<std::string> echo(std::string text) override { co_return text; }
  Task<std::int64_t> sum(Rx<std::int32_t> numbers) override {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
  Task<void> generate(Context& context, std::uint32_t count, Tx<std::int32_t> out) override {
    static_cast<void>(context.claim_descriptor(0));
    static_cast<void>(context.pass(open_files(count % 4)));
    context.on_cancel([](const Error&, const Metadata&) -> Task<void> { co_await Yield(); });
    for (std::uint32_t i = 0; i < count; ++i) {
      if (auto sent = co_await out.send(static_cast<std::int32_t>(i)); !sent) co_return;
    }
    out.close();
  }
  Task<void> flood(Rx<std::int32_t, 256> in) override {
    while (co_await in.recv()) {
    }
  }
};

struct World {
  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  Service service;
  Services services;
  io::Loop loop{clock, reactor, random};

  void turn() {
    while (loop.poll_once()) {
    }
  }
  void pass(Duration duration) {
    clock.pass(duration);
    turn();
  }
};

// The calls of ours that the peer may answer, or not.
Task<void> call_all(runtime::Session& session, std::size_t& ended) {
  Client<Testbed> client(session.to_service("Testbed"));  // the root, unless the peer says that it is a hub
  static_cast<void>(session.pass(open_files(3)));
  static_cast<void>(session.pass(open_files(9)));
  auto [tx, rx] = channel<std::int32_t>();
  auto echoed = client.with({.deadline = std::chrono::seconds(3), .metadata = {}}).call<&Testbed::echo>("echo");
  auto generated = client.call<&Testbed::generate>(std::uint32_t{100}, std::move(tx));
  while (co_await rx.recv()) {
  }
  auto moved = std::move(echoed);
  auto [flooding, flooded] = channel<std::int32_t, 256>();
  auto flood = client.call<&Testbed::flood>(std::move(flooded));
  auto [sending, receiving] = channel<std::int32_t>();
  auto total = client.call<&Testbed::sum>(std::move(receiving));
  for (std::int32_t i = 0; i < 20; ++i) {
    if (auto sent = co_await sending.send(i); !sent) break;
  }
  {
    auto dropped = client.call<&Testbed::echo>("nobody waits for this");
  }
  sending.close();
  static_cast<void>(co_await moved);
  static_cast<void>(co_await generated);
  static_cast<void>(co_await total);
  ++ended;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool is_acceptor = (data[0] & 1) != 0;
  const bool reads_late = (data[0] & 4) != 0;
  const bool disappears = (data[0] & 8) != 0;
  const bool has_objects = (data[0] & 16) != 0;
  const bool passes_files = (data[0] & 32) != 0;
  const bool falls_silent = (data[0] & 64) != 0;
  const std::size_t chunk = data[1] % 61 + 1;
  World world;
  const Result<void> served = has_objects ? world.services.serve<Testbed>(
                                                "Testbed", [](const io::Peer&) { return std::make_unique<Service>(); })
                                          : world.services.serve<Testbed>("Testbed", world.service);
  PARLEY_ASSERT(served.has_value());

  const io::MemoryOptions narrow{.pipe_bytes_max = 64};
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:", reads_late ? narrow : io::MemoryOptions());
  runtime::SessionOptions options;
  options.is_foreign = (data[0] & 2) != 0;
  options.limits.frame_bytes_max = 1 << 16;
  options.limits.outbound_bytes_max = 256;
  options.limits.control_bytes_max = 512;
  options.limits.flush_bytes = 128;
  options.limits.concurrent_requests_max = 3;
  options.limits.pinned_bytes_max = 1 << 10;
  auto link = std::make_unique<runtime::FramedLink>(world.loop, std::move(near), options.limits);
  runtime::Session& session = runtime::Session::start(
      world.loop, std::move(link), is_acceptor ? runtime::Session::Role::acceptor : runtime::Session::Role::initiator,
      options, &world.services.table());
  std::size_t ended = 0;
  std::size_t started = 0;
  {
    Scope scope(world.loop.executor());
    std::vector<std::uint8_t> answer(4096);
    for (std::size_t at = 2; at < size; at += chunk) {
      const ByteView bytes(data + at, std::min(chunk, size - at));
      std::vector<io::Descriptor> files = open_files(passes_files ? 2 : 0);
      if (far->write_some(bytes, files).status == io::Transfer::Status::failed) break;
      world.turn();
      const bool reads = !reads_late || at > size / 2;
      while (reads && far->read_some(answer).status == io::Transfer::Status::moved) {
        if (reads_late) world.turn();
      }
      if (session.is_established() && started == 0) {
        ++started;
        scope.spawn(call_all(session, ended));
      }
      if ((data[at] & 0x1f) == 0x1f) world.clock.pass(std::chrono::milliseconds(700));
    }
    for (int looks = 0; falls_silent && looks < 3; ++looks) world.pass(options.limits.keepalive);
    if (disappears) {
      far.reset();
    } else {
      far->finish();
    }
    world.turn();
    world.pass(std::chrono::seconds(60));
    PARLEY_ASSERT(session.has_ended());
    PARLEY_ASSERT(ended == started, ended, started);
  }
  session.drop_caller();
  far.reset();
  world.turn();
  world.pass(std::chrono::seconds(60));
  PARLEY_ASSERT(world.loop.blocks().held_count() == 0, world.loop.blocks().held_count());
  PARLEY_ASSERT(world.loop.executor().timer_count() == 0, world.loop.executor().timer_count());
  return 0;
}
