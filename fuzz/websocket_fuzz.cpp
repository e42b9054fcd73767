// One end of a WebSocket against a peer that sends anything. The first byte chooses the end, whether its handshake is
// already behind it, whether the peer reads what it is answered, how much is read at once, who ends how, and whether
// the messages are text lines; the second how the rest is cut into writes; now and then time passes. Whatever comes,
// what is read are whole messages behind their lengths, reading ends, and memory stays bounded.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "io/memory_stream.h"
#include "net/websocket_stream.h"
#include "net/websocket_upgrade.h"
#include "still_world.h"

namespace {

using namespace parley;
using Status = io::Transfer::Status;

constexpr std::size_t message_bytes_max = 4096;

// Reads in portions, and looks at what comes.
class Reader final : public io::StreamEvents {
 public:
  Reader(io::Stream& stream, std::size_t portion, bool is_lines)
      : stream_(stream), portion_(portion), is_lines_(is_lines) {}
  void on_readable() override {
    std::vector<std::uint8_t> bytes(portion_);
    const io::Transfer transfer = stream_.read_some(bytes);
    if (transfer.status == Status::moved) {
      PARLEY_ASSERT(!has_ended, "read behind the end");
      look_at({bytes.data(), transfer.bytes});
    }
    if (transfer.status == Status::ended) PARLEY_ASSERT(left_ == 0, "an end inside of a message");
    if (transfer.status == Status::ended || transfer.status == Status::failed) has_ended = true;
  }
  void on_writable() override { is_writable = true; }

  bool has_ended = false;
  bool is_writable = false;

 private:
  void look_at(ByteView bytes) {
    for (const std::uint8_t byte : bytes) {
      if (is_lines_) {
        left_ = byte == '\n' ? 0 : 1;
        continue;
      }
      if (left_ != 0) {
        --left_;
        continue;
      }
      length_ |= std::uint32_t{byte} << (8 * length_bytes_);
      if (++length_bytes_ < 4) continue;
      left_ = length_;
      length_ = 0;
      length_bytes_ = 0;
    }
  }
  io::Stream& stream_;
  const std::size_t portion_;
  const bool is_lines_;
  std::uint32_t length_ = 0;
  int length_bytes_ = 0;
  std::uint64_t left_ = 0;  // of the message
};

void write_all(io::Stream& stream, std::string_view text) {
  PARLEY_ASSERT(stream.write_some(as_bytes(text)).bytes == text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool is_client = (data[0] & 1) != 0;
  const bool is_open = (data[0] & 2) != 0;
  const bool reads_late = (data[0] & 4) != 0;
  const std::size_t portion = (data[0] & 8) != 0 ? 5 : 1000;
  const bool says_goodbye = (data[0] & 16) != 0;
  const bool disappears = (data[0] & 32) != 0;
  const bool is_lines = (data[0] & 64) != 0;
  const std::size_t chunk = data[1] % 61 + 1;

  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop(clock, reactor, random);
  const auto turn = [&] {
    while (loop.poll_once()) {
    }
  };
  const io::WebSocketOptions options{.is_text_lines = is_lines,
                                     .hosts = {"example.org"},
                                     .origins = {"https://example.org"},
                                     .opening_bytes_max = 512,
                                     .message_bytes_max = message_bytes_max};
  auto [near, far] = io::MemoryStream::make_pair(loop);
  std::unique_ptr<io::Stream> stream;
  if (is_client) {
    stream = std::make_unique<net::WebSocketStream>(loop, std::move(near), net::UpgradeTarget{"localhost", "/roam"},
                                                    options);
  } else {
    stream = std::make_unique<net::WebSocketStream>(loop, std::move(near), options);
  }
  Reader reader(*stream, portion, is_lines);
  stream->start(reader);
  turn();
  if (is_open) {
    const std::string request = net::upgrade_request({"localhost", "/roam"}, net::upgrade_nonce(7, 7));
    write_all(*far, is_client ? net::answer_upgrade(request, options).bytes : request);
    turn();
    const std::string message("\x03\0\0\0abc", 7);
    PARLEY_ASSERT(stream->write_some(as_bytes(message)).bytes == message.size());
    stream->want_writable();
  }
  std::vector<std::uint8_t> answer(4096);
  for (std::size_t at = 2; at < size; at += chunk) {
    const io::Transfer transfer = far->write_some({data + at, std::min(chunk, size - at)});
    if (transfer.status == Status::failed) break;
    turn();
    const bool reads = !reads_late || at > size / 2;
    while (reads && far->read_some(answer).status == Status::moved) {
    }
    if ((data[at] & 0x1f) == 0x1f) clock.pass(std::chrono::seconds(16));
  }
  if (disappears) far.reset();
  stream->write_some(as_bytes(std::string_view("\x01\0\0\0x", 5)));  // whether it is taken or not
  stream->want_writable();
  if (says_goodbye) stream->finish();
  if (far) far->finish();
  turn();
  PARLEY_ASSERT(reader.has_ended);
  stream.reset();
  far.reset();
  turn();
  PARLEY_ASSERT(loop.blocks().held_count() == 0, loop.blocks().held_count());
  PARLEY_ASSERT(loop.executor().timer_count() == 0, loop.executor().timer_count());
  return 0;
}
