#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "net/tls.h"
#include "net/tls_files_suite.h"
#include "net/websocket_stream.h"
#include "support/allocation_count.h"

// What bytes cost that pass through TLS or a WebSocket.
namespace parley {
namespace {

using Status = io::Transfer::Status;

// It makes small ones for each record, as notes of where lengths go, and must make none for buffers.
constexpr std::size_t note_bytes_max = 256;
std::size_t allocations_of_openssl = 0;
std::size_t largest_of_openssl = 0;

void count(std::size_t size) {
  ++allocations_of_openssl;
  largest_of_openssl = std::max(largest_of_openssl, size);
}

// OpenSSL takes them before its first allocation only.
const bool counts_openssl = ::CRYPTO_set_mem_functions(
                                [](std::size_t size, const char*, int) {
                                  count(size);
                                  return std::malloc(size);
                                },
                                [](void* memory, std::size_t size, const char*, int) {
                                  count(size);
                                  return std::realloc(memory, size);
                                },
                                [](void* memory, const char*, int) { std::free(memory); }) == 1;

// All of it, in whatever portions the streams take.
void pass(io::Stream& from, io::Stream& to, ByteView bytes, std::span<std::uint8_t> into) {
  std::size_t sent = 0;
  std::size_t got = 0;
  while (got < bytes.size()) {
    if (sent < bytes.size()) sent += from.write_some(bytes.subspan(sent)).bytes;
    const io::Transfer transfer = to.read_some(into.subspan(got));
    ASSERT_TRUE(transfer.status == Status::moved || transfer.status == Status::would_block);
    got += transfer.bytes;
  }
  ASSERT_EQ(std::memcmp(bytes.data(), into.data(), bytes.size()), 0);
}

void expect_no_allocations(io::Stream& a, io::Stream& b) {
  const std::uint32_t size = 65'536;  // a message behind its length, for the WebSocket
  std::vector<std::uint8_t> bytes(size + 4, 'x');
  std::memcpy(bytes.data(), &size, sizeof size);
  std::vector<std::uint8_t> into(bytes.size());
  const auto rounds = [&] {
    for (int i = 0; i < 50; ++i) {
      pass(a, b, bytes, into);
      pass(b, a, bytes, into);
    }
  };
  rounds();
  largest_of_openssl = 0;
  EXPECT_EQ(allocations_in(rounds), 0u);
  EXPECT_LE(largest_of_openssl, note_bytes_max);
}

TEST(CodedStreamCost, tls_allocates_no_buffers_in_the_steady_state) {
  ASSERT_TRUE(counts_openssl);
  io::suite::IdleWorld world;
  net::suite::TlsFiles files;
  net::Tls accepting(files.issue("server"));
  net::Tls dialing(files.dialer());
  auto [first, second] = io::MemoryStream::make_pair(world.loop());
  auto near = dialing.dial(world.loop(), first, "localhost").value();
  auto far = accepting.accept(world.loop(), second).value();
  allocations_of_openssl = 0;
  net::suite::shake_hands(*near, *far);
  EXPECT_GT(allocations_of_openssl, 0u) << "they are not counted";
  expect_no_allocations(*near, *far);
}

TEST(CodedStreamCost, a_websocket_allocates_nothing_in_the_steady_state) {
  io::suite::IdleWorld world;
  auto [first, second] = io::MemoryStream::make_pair(world.loop());
  net::WebSocketStream near(world.loop(), std::move(first), net::UpgradeTarget{"localhost", "/roam"}, {});
  net::WebSocketStream far(world.loop(), std::move(second), io::WebSocketOptions{});
  net::suite::shake_hands(near, far);
  expect_no_allocations(near, far);
}

}  // namespace
}  // namespace parley
