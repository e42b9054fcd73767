// A host at the pipe of a hub, which says anything. The first byte chooses whether it has registered, reads what it is
// told, and how it leaves; the second how the rest is cut into writes; now and then time passes. Meanwhile its commands
// are called, with arguments that are anything too, and there are events. What is told can be read again; whatever
// comes, it costs this connection only, and nothing of it is left behind.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/hostpipe/pipe_gate.h"
#include "io/memory_stream.h"
#include "still_world.h"
#include "wire/command/line_reader.h"

namespace {

using namespace parley;
namespace hostpipe = wire::hostpipe;

HostpipeOptions narrow() {
  HostpipeOptions options;
  options.commands = {"spawn"};
  options.probes = {"probe"};
  options.events = {"**"};
  options.commands_in_flight_max = 3;
  options.events_kept_max = 4;
  options.events_bytes_max = 256;
  options.line_bytes_max = 512;
  options.unsent_bytes_max = 1024;
  return options;
}

// What either side may say is read, said and read again as the same.
void look_at(std::string_view line) {
  if (const auto said = hostpipe::parse_of_host(line)) {
    const std::string text = hostpipe::encode(*said);
    PARLEY_ASSERT(!text.contains('\n'), text);
    const auto again = hostpipe::parse_of_host(text);
    PARLEY_ASSERT(again && *again == *said, text);
  }
  if (const auto said = hostpipe::parse_of_launcher(line)) {
    const std::string text = std::visit([](const auto& each) { return hostpipe::encode(each); }, *said);
    PARLEY_ASSERT(!text.contains('\n'), text);
    const auto again = hostpipe::parse_of_launcher(text);
    PARLEY_ASSERT(again && *again == *said, text);
  }
}

// What somebody wants to have said to the host is one line, or refused.
void look_at_arguments(std::string_view text) {
  const auto arguments = hostpipe::read_arguments(text);
  if (!arguments) return;
  const hostpipe::Command command{"x", 1, {}, arguments->members};
  const std::string line = hostpipe::encode(command);
  PARLEY_ASSERT(!line.contains('\n'), line);
  const auto again = hostpipe::parse_of_launcher(line);
  PARLEY_ASSERT(again && *again == hostpipe::LauncherLine(command), line);
}

// What somebody published, too.
void look_at_payload(std::string_view text) {
  if (const auto members = hostpipe::members_of_event(text)) {
    const std::string line = hostpipe::encode(hostpipe::Event{"x", 1, *members});
    PARLEY_ASSERT(!line.contains('\n') && hostpipe::parse_of_launcher(line), line);
  }
  if (const auto members = hostpipe::members_of_report(text)) {
    const std::string line = hostpipe::encode({.body = hostpipe::Report{"x", 1, *members}});
    PARLEY_ASSERT(!line.contains('\n') && hostpipe::parse_of_host(line), line);
  }
}

struct World {
  void turn() {
    while (loop.poll_once()) {
    }
  }
  void pass(Duration duration) {
    clock.pass(duration);
    turn();
  }
  std::unique_ptr<io::Stream> host(io::MemoryOptions options) {
    auto [near, far] = io::MemoryStream::make_pair(loop, "mem:", options);
    gate.admit({.stream = std::move(near),
                .seen = core::Principal::of_own_process(),
                .until = loop.now() + std::chrono::seconds(5)});
    return std::move(far);
  }
  static Task<void> call(World& world, std::string name, std::string arguments) {
    static_cast<void>(co_await world.registry.execute_json(std::move(name), std::move(arguments), {}));
    ++world.ended;
  }

  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop{clock, reactor, random};
  const hub::Gate door{core::Policy::of_owner(core::Principal::of_own_process()), {}};
  Registry registry{loop};
  hub::PipeGate gate{{loop, door, registry}, narrow(), [](const auto&, const auto&, auto, auto, const auto&) {}, 2};
  std::size_t begun = 0;
  std::size_t ended = 0;
  Scope scope{loop};
};

void read_all(World& world, io::Stream& stream, wire::command::LineReader& lines) {
  std::vector<std::uint8_t> bytes(4096);
  for (;;) {
    const io::Transfer moved = stream.read_some(bytes);
    if (moved.status != io::Transfer::Status::moved) return;
    ByteView part(bytes.data(), moved.bytes);
    while (const auto line = lines.next(part)) PARLEY_ASSERT(hostpipe::parse_of_launcher(*line), *line);
    world.turn();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  const bool has_registered = (data[0] & 1) != 0;
  const bool reads_late = (data[0] & 2) != 0;
  const bool disappears = (data[0] & 4) != 0;
  const std::size_t chunk = data[1] % 61 + 1;
  World world;
  wire::command::LineReader heard(1 << 20);
  wire::command::LineReader said(512);
  ByteView all(data + 2, size - 2);
  while (const auto line = said.next(all)) look_at(*line);
  if (const auto line = said.rest()) look_at(*line);
  look_at_arguments(as_text(ByteView(data + 2, size - 2)));
  look_at_payload(as_text(ByteView(data + 2, size - 2)));

  auto host = world.host(reads_late ? io::MemoryOptions{.pipe_bytes_max = 64} : io::MemoryOptions());
  if (has_registered) {
    static_cast<void>(host->write_some(as_bytes("{\"cmd\":\"register\",\"kind\":\"host\",\"pid\":7}\n")));
    world.turn();
  }
  for (std::size_t at = 2; at < size; at += chunk) {
    const ByteView bytes(data + at, std::min(chunk, size - at));
    if (host->write_some(bytes).status == io::Transfer::Status::failed) break;
    world.turn();
    if (!reads_late) read_all(world, *host, heard);
    if ((data[at] & 0x1f) == 0x1f) world.pass(std::chrono::seconds(3));
    if ((data[at] & 3) == 1) static_cast<void>(world.registry.emit_json("build.done", R"({"version":1})"));
    if ((data[at] & 3) == 2) {
      ++world.begun;
      std::string arguments((data[at] & 8) != 0 ? as_text(ByteView(data + at + 1, size - at - 1)) : "");
      world.scope.spawn(World::call(world, (data[at] & 4) != 0 ? "host.probe" : "host.spawn", std::move(arguments)));
    }
  }
  if (!disappears) host->finish();
  host.reset();
  world.turn();
  world.pass(std::chrono::seconds(60));
  PARLEY_ASSERT(!world.gate.has_host() && world.gate.newcomer_count() == 0 && world.gate.leaving_count() == 0);
  PARLEY_ASSERT(world.registry.commands().empty() && world.registry.carrier_count() == 0);
  PARLEY_ASSERT(world.begun == world.ended, world.begun, world.ended);
  world.gate.close();
  PARLEY_ASSERT(world.loop.blocks().held_count() == 0, world.loop.blocks().held_count());
  return 0;
}
