// A client of HTTP against a server that answers anything. The first byte chooses the request, whether its answer is
// read whole or in parts, and who ends how; the second how the rest is cut into writes. Whatever comes, the request
// ends by its deadline, and a body is no longer than its bound.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "io/memory_stream.h"
#include "net/http_client.h"
#include "net/http_url.h"
#include "still_world.h"

namespace {

using namespace parley;
using Status = io::Transfer::Status;

constexpr std::size_t body_bytes_max = 2000;

class Dialer final : public io::Dialer {
 public:
  explicit Dialer(std::vector<std::unique_ptr<io::Stream>>& streams) : streams_(streams) {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    if (streams_.empty()) co_return fail(Code::address, "only so often");
    auto stream = std::move(streams_.back());
    streams_.pop_back();
    co_return stream;
  }
  const std::string& address() const override { return address_; }

 private:
  std::vector<std::unique_ptr<io::Stream>>& streams_;
  const std::string address_ = "mem:fuzz";
};

Task<void> ask_whole(io::HttpClient& client, io::HttpRequest request, Instant until, int& ended) {
  for (int i = 0; i < 2; ++i) {
    const auto answer = co_await client.request(request, until);
    if (answer) PARLEY_ASSERT(answer->body.size() <= body_bytes_max);
  }
  ++ended;
}

Task<void> ask_in_parts(io::HttpClient& client, io::HttpRequest request, Instant until, int& ended) {
  auto stream = co_await client.open(std::move(request), until);
  while (stream) {
    const auto part = co_await (*stream)->next(until);
    if (!part || !*part) break;
    PARLEY_ASSERT(!(*part)->empty());
  }
  ++ended;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr const char* methods[] = {"GET", "POST", "HEAD", "DELETE"};
  const std::size_t chunk = (data[0] & 16) != 0 ? size : data[1] % 61 + 1;
  StillClock clock;
  NoReactor reactor;
  FixedRandom random;
  io::Loop loop(clock, reactor, random);
  const auto turn = [&] {
    while (loop.poll_once()) {
    }
  };
  std::vector<std::unique_ptr<io::Stream>> streams(2);
  std::vector<std::unique_ptr<io::Stream>> ends(2);
  for (int i = 0; i < 2; ++i) std::tie(streams[i], ends[1 - i]) = io::MemoryStream::make_pair(loop);
  net::HttpClient client(loop, std::make_unique<Dialer>(streams), net::parse_http_url("mem:fuzz").value(),
                         {.head_bytes_max = 1000, .body_bytes_max = body_bytes_max, .ahead_bytes_max = 4096});
  const Instant until = loop.now() + std::chrono::seconds(100);
  int ended = 0;
  Scope scope(loop);
  io::HttpRequest request{.method = methods[data[0] & 3], .target = "/", .body = (data[0] & 1) != 0 ? "x" : ""};
  scope.spawn((data[0] & 4) != 0 ? ask_in_parts(client, std::move(request), until, ended)
                                 : ask_whole(client, std::move(request), until, ended));
  turn();
  std::vector<std::uint8_t> heard(4096);
  std::size_t which = 0;
  for (std::size_t at = 2; at < size && which < 2; at += chunk) {
    if (ends[which]->write_some({data + at, std::min(chunk, size - at)}).status == Status::failed) ++which;
    turn();
    while (which < 2 && ends[which]->read_some(heard).status == Status::moved) {
    }
    if (data[at] == '~' && which < 2) ends[which++].reset();
    turn();
  }
  if ((data[0] & 8) != 0) ends.clear();
  turn();
  clock.pass(std::chrono::seconds(200));
  turn();
  PARLEY_ASSERT(ended == 1, "still waiting behind its deadline");
  return 0;
}
