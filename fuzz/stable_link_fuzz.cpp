// Stable links against peers that send anything, at either end. The first byte chooses the end; then come steps: a
// length and so many bytes for the newest stream, or a new stream in place of the old one or beside it, or time that
// passes. What a peer says comes back to it. Whatever it is, memory stays bounded, a link ends once, and nothing is
// left. Keys are always the same here, so that a corpus can bring one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/memory_stream.h"
#include "runtime/dialed_stable_link.h"
#include "runtime/stable_sessions.h"
#include "still_world.h"
#include "wire/frame.h"

namespace {

using namespace parley;

class CountingRandom final : public io::Random {
 public:
  std::uint64_t next() override { return 0x4141414141414141 + ++count_; }

 private:
  std::uint64_t count_ = 0;
};

// Says again what it is told, also as a control message, and ends as a session does.
class Echo final : public io::LinkEvents {
 public:
  explicit Echo(std::unique_ptr<io::Link> link) : link_(std::move(link)) { link_->start(*this); }
  bool has_ended() const { return has_ended_; }
  void finish() {
    if (!has_ended_) link_->finish();
  }
  io::Link& link() { return *link_; }

 private:
  bool on_message(ByteView message, Block*) override {
    PARLEY_ASSERT(!has_ended_);
    if (link_->out().size() > 4096) return true;
    put(link_->out(), message);
    if (link_->control().size() < 400) put(link_->control(), message.first(std::min<std::size_t>(message.size(), 8)));
    link_->committed();
    return message.size() != 13;  // enough
  }
  void on_link_ended(const Error*) override {
    PARLEY_ASSERT(!has_ended_);
    has_ended_ = true;
    link_->finish();
  }
  void on_link_drained() override {}
  static void put(OutBuffer& out, ByteView message) {
    std::uint8_t* const cursor = wire::begin_frame(out, message.size());
    wire::end_frame(out, std::ranges::copy(message, cursor).out);
  }

  std::unique_ptr<io::Link> link_;
  bool has_ended_ = false;
};

struct Peers {
  StillClock clock;
  NoReactor reactor;
  CountingRandom random;
  io::Loop loop{clock, reactor, random};
  std::vector<std::unique_ptr<io::Stream>> streams;

  void turn() {
    std::vector<std::uint8_t> heard(4096);
    do {
      while (loop.poll_once()) {
      }
    } while (std::ranges::any_of(
        streams, [&](auto& stream) { return stream->read_some(heard).status == io::Transfer::Status::moved; }));
  }
  std::unique_ptr<io::Stream> come() {
    auto [near, far] = io::MemoryStream::make_pair(loop);
    streams.push_back(std::move(far));
    if (streams.size() > 3) streams.erase(streams.begin());
    return std::move(near);
  }
};

struct Dialer final : io::Dialer {
  explicit Dialer(Peers& peers) : peers(peers) {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override { co_return peers.come(); }
  const std::string& address() const override { return name; }
  Peers& peers;
  std::string name = "fuzz:";
};

constexpr std::uint8_t cut = 0xff;
constexpr std::uint8_t come_again = 0xfe;
constexpr std::uint8_t wait_a_little = 0xfd;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 4096) return 0;
  const bool is_client = (data[0] & 1) != 0;
  Limits limits;
  limits.frame_bytes_max = 1 << 12;
  limits.control_bytes_max = 512;
  limits.flush_bytes = 64;
  limits.stable_items_max = 16;
  limits.stable_bytes_max = 4096;
  limits.stable_away_max = std::chrono::seconds(3);
  limits.stable_sessions_max = 4;
  Peers peers;
  {
    runtime::StableSessions sessions(peers.loop, limits);
    std::vector<std::unique_ptr<Echo>> links;
    const auto admit = [&] {
      sessions.admit(std::make_unique<runtime::FramedLink>(peers.loop, peers.come(), limits),
                     peers.loop.now() + limits.handshake_max, true,
                     [&](std::unique_ptr<io::Link> link) { links.push_back(std::make_unique<Echo>(std::move(link))); });
    };
    if (is_client) {
      links.push_back(std::make_unique<Echo>(std::make_unique<runtime::DialedStableLink>(
          peers.loop, std::make_unique<Dialer>(peers), peers.come(), limits)));
    } else {
      admit();
    }
    for (std::size_t at = 1; at < size; ++at) {
      if (data[at] == cut && !peers.streams.empty()) peers.streams.pop_back();
      if (data[at] == cut || data[at] == wait_a_little) {
        peers.turn();
        peers.clock.pass(std::chrono::milliseconds(400));
      }
      if (!is_client && (data[at] == come_again || peers.streams.empty())) admit();
      if (data[at] < wait_a_little && !peers.streams.empty()) {
        const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
        if (length != 0) peers.streams.back()->write_some({data + at + 1, length});
        at += length;
      }
      peers.turn();
      for (const auto& echo : links) {
        PARLEY_ASSERT(echo->link().out().size() < 16384, echo->link().out().size());
        PARLEY_ASSERT(echo->link().control().size() < 16384, echo->link().control().size());
      }
      PARLEY_ASSERT(sessions.size() <= 4, sessions.size());
    }
    for (const auto& echo : links) echo->finish();
    peers.turn();
    peers.streams.clear();
    for (int i = 0; i < 10; ++i) {
      peers.turn();
      peers.clock.pass(std::chrono::seconds(1));
      for (auto& stream : peers.streams) stream->finish();
    }
    peers.turn();
    if (is_client) PARLEY_ASSERT(links[0]->has_ended());
    for (const auto& echo : links) PARLEY_ASSERT(echo->has_ended() || sessions.size() == 0);
    PARLEY_ASSERT(sessions.newcomer_count() == 0);
  }
  peers.streams.clear();
  peers.turn();
  peers.clock.pass(std::chrono::seconds(60));
  peers.turn();
  PARLEY_ASSERT(peers.loop.blocks().held_count() == 0, peers.loop.blocks().held_count());
  PARLEY_ASSERT(peers.loop.executor().timer_count() == 0, peers.loop.executor().timer_count());
  return 0;
}
