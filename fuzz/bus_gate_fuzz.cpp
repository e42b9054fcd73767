// A connection of the bus at its gate, which says anything. The first byte chooses whether it is a WebSocket, has said
// Connect, reads what it is answered, and how it leaves; the second how the rest is cut into writes; now and then time
// passes. Beside it somebody subscribes, works and talks. Whatever comes, it costs this connection only, and nothing of
// it is left behind.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hub/bus/bus_gate.h"
#include "io/memory_stream.h"
#include "still_world.h"
#include "wire/bus/frame.h"
#include "wire/bus/negotiation.h"

namespace {

using namespace parley;
namespace bus = wire::bus;

std::vector<std::uint8_t> encoded(const bus::Frame& frame, bool is_of_messages) {
  BlockPool pool(64);
  OutBuffer out(pool);
  bus::put_frame(out, frame, {}).value();
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; is_of_messages && i < 4; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(out.size() >> (8 * i)));
  }
  bytes.insert(bytes.end(), out.pending().begin(), out.pending().end());
  return bytes;
}

// Says again what it hears, so that conversations with it go on.
class Echo final : public Party {
 public:
  explicit Echo(Conversations& conversations) : conversations_(conversations) {
    who_ = conversations_.add(*this, "echo").value();
    conversations_.provide("echo", who_).value();
  }
  ~Echo() { conversations_.exited(who_, {}, {}); }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  void on_message(Message message) override {
    conversations_.replied(who_, message.conversation, message.request, *message.content);
  }
  void on_over(ConversationId) override {}

 private:
  Conversations& conversations_;
  Participant who_ = 0;
};

BusOptions narrow() {
  BusOptions options;
  options.frame_bytes_max = 1 << 16;
  options.opening_bytes_max = 1 << 10;
  options.answers_bytes_max = 1 << 10;
  options.subscriptions_max = 3;
  options.conversations_max = 3;
  options.replies_max = 3;
  options.replies_per_conversation_max = 2;
  options.activity_types_max = 2;
  options.pushes_max = 1;
  options.pushes_waiting_max = 1;
  options.delivers_per_turn = 2;
  return options;
}

core::Topics::Options topics() {
  core::Topics::Options options{.takes_unknown = true};
  options.limits.waiting_max = 4;
  options.limits.keys_max = 4;
  return options;
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
  std::unique_ptr<io::Stream> client(bool is_of_messages, io::MemoryOptions options = {}) {
    auto [near, far] = io::MemoryStream::make_pair(loop, "mem:", options);
    gate.admit({.stream = std::move(near),
                .seen = core::Principal::of_own_process(),
                .is_of_messages = is_of_messages,
                .until = loop.now() + std::chrono::seconds(5)});
    return std::move(far);
  }
  void say(io::Stream& stream, const bus::Frame& frame, bool is_of_messages = false) {
    static_cast<void>(stream.write_some(encoded(frame, is_of_messages)));
    turn();
  }

  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop{clock, reactor, random};
  const hub::Gate door{core::Policy::of_owner(core::Principal::of_own_process()), {}};
  Topics board{loop, topics()};
  Conversations conversations{loop};
  Echo echo{conversations};
  hub::BusGate gate{
      {loop, door, board, conversations, [] {}}, narrow(), [](const auto&, const auto&, auto, auto, const auto&) {}, 2};
};

void read_all(World& world, io::Stream& stream) {
  std::vector<std::uint8_t> answer(4096);
  while (stream.read_some(answer).status == io::Transfer::Status::moved) world.turn();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  const bool is_of_messages = (data[0] & 1) != 0;
  const bool has_connected = (data[0] & 2) != 0;
  const bool reads_late = (data[0] & 4) != 0;
  const bool disappears = (data[0] & 8) != 0;
  const std::size_t chunk = data[1] % 61 + 1;
  const bus::Frame connect{0, bus::Connect{bus::version_1_0, bus::version_1_0, {}}};
  World world;
  auto other = world.client(false);
  world.say(*other, connect);
  world.say(*other, {1, bus::Subscribe{.topic = "orders", .in_flight_max = 2}});
  world.say(*other, {0, bus::WorkerRegister{.activity_types = {"work"}, .identity = "other"}});

  auto hostile =
      world.client(is_of_messages, reads_late ? io::MemoryOptions{.pipe_bytes_max = 64} : io::MemoryOptions());
  if (has_connected) world.say(*hostile, connect, is_of_messages);
  for (std::size_t at = 2; at < size; at += chunk) {
    const ByteView bytes(data + at, std::min(chunk, size - at));
    if (hostile->write_some(bytes).status == io::Transfer::Status::failed) break;
    world.turn();
    if (!reads_late) read_all(world, *hostile);
    read_all(world, *other);
    if ((data[at] & 0x1f) == 0x1f) world.pass(std::chrono::seconds(3));
  }
  if (!disappears) hostile->finish();
  hostile.reset();
  // Whose input ends may still be owed an answer, for as long as that is waited for.
  world.pass(narrow().drain_max);
  PARLEY_ASSERT(world.gate.newcomer_count() == 0);
  PARLEY_ASSERT(world.gate.connection_count() == 1, world.gate.connection_count());
  PARLEY_ASSERT(world.conversations.size() == 0, world.conversations.size());
  PARLEY_ASSERT(world.board.machine().subscription_count() == 1);
  PARLEY_ASSERT(world.gate.worker_count() == 1);

  world.gate.close();
  world.board.close();
  read_all(world, *other);
  other.reset();
  world.pass(std::chrono::seconds(60));
  PARLEY_ASSERT(world.gate.leaving_count() == 0 && world.gate.connection_count() == 0);
  PARLEY_ASSERT(world.loop.blocks().held_count() == 0, world.loop.blocks().held_count());
  return 0;
}
