// A server of HTTP against a peer that sends anything. The first byte chooses how the handler answers, whether the peer
// reads, and whether WebSockets are taken; the second how the rest is cut into writes; now and then time passes.
// Whatever comes, the connection ends once, and nothing of it is left.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "net/http_connection.h"
#include "still_world.h"

namespace {

using namespace parley;
using Status = io::Transfer::Status;

constexpr std::size_t body_bytes_max = 2000;

class Handler final : public io::HttpHandler {
 public:
  explicit Handler(std::uint8_t how) : how_(how) {}
  void on_request(std::unique_ptr<io::HttpExchange> exchange) override {
    PARLEY_ASSERT(exchange->request().body.size() <= body_bytes_max && exchange->request().find("Host"));
    if ((how_ & 1) != 0) {
      exchange->begin_stream({.fields = {{"X", exchange->request().target}}});
      exchange->send(exchange->request().body);
      if ((how_ & 2) != 0) exchange->finish();
    } else if ((how_ & 2) != 0) {
      exchange->respond({.body = exchange->request().body});
    } else if (waiting.size() < 4) {
      waiting.push_back(std::move(exchange));
    }
  }
  bool takes_upgrade(const io::HttpRequest&) override { return (how_ & 4) != 0; }
  void on_upgrade(io::HttpConnection&, const io::HttpRequest&, std::unique_ptr<io::Stream> stream) override {
    PARLEY_ASSERT(stream != nullptr);
  }
  void on_http_over(io::HttpConnection&) override {
    PARLEY_ASSERT(!is_over, "over twice");
    is_over = true;
  }
  std::vector<std::unique_ptr<io::HttpExchange>> waiting;
  bool is_over = false;

 private:
  const std::uint8_t how_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool reads = (data[0] & 8) == 0;
  const std::size_t chunk = (data[0] & 16) != 0 ? size : data[1] % 61 + 1;
  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop(clock, reactor, random);
  const auto turn = [&] {
    while (loop.poll_once()) {
    }
  };
  Handler handler(data[0]);
  auto [near, far] = io::MemoryStream::make_pair(loop);
  const io::HttpLimits limits{
      .head_bytes_max = 1000, .body_bytes_max = body_bytes_max, .ahead_bytes_max = 4096, .unsent_bytes_max = 4096};
  net::HttpConnection connection(loop, std::move(near), handler, {{"example.org"}, {"https://example.org"}}, limits);
  std::vector<std::uint8_t> answer(4096);
  for (std::size_t at = 2; at < size; at += chunk) {
    if (far->write_some({data + at, std::min(chunk, size - at)}).status == Status::failed) break;
    turn();
    while (reads && far->read_some(answer).status == Status::moved) {
    }
    if ((data[at] & 0x1f) == 0x1f) clock.pass(std::chrono::seconds(16));
    if (data[at] == '~') handler.waiting.clear();
  }
  turn();
  handler.waiting.clear();
  far.reset();
  turn();
  for (int i = 0; i < 4 && !handler.is_over; ++i) {
    clock.pass(std::chrono::minutes(2));
    turn();
  }
  PARLEY_ASSERT(handler.is_over, "a peer that is gone is waited for");
  PARLEY_ASSERT(loop.blocks().held_count() == 0);
  return 0;
}
