#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "net/tls.h"
#include "net/tls_files_suite.h"

// What TLS costs those who share a loop with it.
namespace parley::net {
namespace {

using io::suite::End;
using io::suite::Status;
using suite::TlsFiles;

// Gives one byte a read, and counts.
class Dripping final : public io::Stream {
 public:
  Dripping(std::unique_ptr<io::Stream> inner, int& reads) : inner_(std::move(inner)), reads_(reads) {}
  using io::Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override {
    ++reads_;
    return inner_->read_some(into.first(1));
  }
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override {
    return inner_->write_some(from, with);
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const io::Peer& peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<io::Stream> inner_;
  int& reads_;
};

// A peer that does with TLS what no stream of ours would: OpenSSL alone, over the bytes of an end.
class RawPeer {
 public:
  explicit RawPeer(std::unique_ptr<io::Stream> stream) : end(std::move(stream)) {
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
    ssl_.reset(::SSL_new(context_.get()));
    in_ = ::BIO_new(::BIO_s_mem());
    out_ = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(ssl_.get(), in_, out_);
    ::SSL_set_connect_state(ssl_.get());
    end.start();
  }
  void shake_hands(io::Loop& loop) {
    for (int i = 0; i < 5; ++i) {
      ::BIO_write(in_, end.received.data(), static_cast<int>(end.received.size()));
      end.received.clear();
      ::SSL_do_handshake(ssl_.get());
      send();
      io::suite::turn_a_little(loop);
    }
    ASSERT_EQ(::SSL_is_init_finished(ssl_.get()), 1);
  }
  // Says nothing, and wants an answer.
  void ask_for_new_keys() {
    ASSERT_EQ(::SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(::SSL_do_handshake(ssl_.get()), 1);
  }
  void say(std::string_view text) {
    ASSERT_EQ(::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
  }
  void say_goodbye() { ::SSL_shutdown(ssl_.get()); }
  // What was said so far.
  void send() {
    std::vector<std::uint8_t> bytes(::BIO_ctrl_pending(out_));
    if (!bytes.empty()) ::BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    end.send(std::move(bytes));
  }

  End end;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  };
  std::unique_ptr<SSL_CTX, Free> context_{::SSL_CTX_new(::TLS_client_method())};
  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;  // of the connection
  BIO* out_ = nullptr;
};

class TlsTurns : public testing::Test {
 protected:
  std::unique_ptr<End> accept(std::unique_ptr<io::Stream> stream) {
    auto end = std::make_unique<End>(accepting.accept(world.loop(), stream).value());
    end->start();
    return end;
  }
  TlsFiles files;
  Tls accepting{files.issue("server")};
  io::suite::IdleWorld world;
};

TEST_F(TlsTurns, a_handshake_that_comes_byte_by_byte_leaves_others_their_turn_and_ends) {
  int reads = 0;
  Tls dialing(files.dialer());
  auto [near, far] = io::MemoryStream::make_pair(world.loop());
  End a(dialing.dial(world.loop(), near, "localhost").value());
  const auto b = accept(std::make_unique<Dripping>(std::move(far), reads));
  a.start();
  int turns = 0;
  int reads_in_a_turn_max = 0;
  const std::string hello = "hello";
  a.send({hello.begin(), hello.end()});
  while (as_text(b->received) != hello) {
    ASSERT_LT(++turns, 10'000);
    const int before = reads;
    world.loop().poll_once();
    reads_in_a_turn_max = std::max(reads_in_a_turn_max, reads - before);
  }
  EXPECT_GT(reads, 300) << "so many bytes has a handshake";
  EXPECT_LE(reads_in_a_turn_max, 64);
  EXPECT_GT(turns, 10);
}

TEST_F(TlsTurns, whoever_waits_for_a_peer_does_not_spin) {
  int reads = 0;
  Tls dialing(files.dialer());
  auto [near, far] = io::MemoryStream::make_pair(world.loop());
  End a(dialing.dial(world.loop(), near, "localhost").value());
  const auto b = accept(std::make_unique<Dripping>(std::move(far), reads));
  // Before the handshake, after it, with data that nobody reads, and behind the end.
  const auto expect_rest = [&](const char* when) {
    io::suite::turn_a_little(world.loop());
    for (int i = 0; i < 10'000 && world.loop().poll_once(); ++i) {
    }
    const int before = reads;
    EXPECT_FALSE(world.loop().poll_once()) << when;
    EXPECT_FALSE(world.loop().poll_once()) << when;
    EXPECT_EQ(reads, before) << when;
    EXPECT_EQ(world.loop().executor().timer_count(), 0u) << when;
  };
  expect_rest("the peer has not begun");
  a.start();
  expect_rest("the handshake is over");
  a.send(std::vector<std::uint8_t>(50'000, 'a'));
  expect_rest("all was read");
  EXPECT_EQ(b->received.size(), 50'000u);
  a.finish();
  b->finish();
  expect_rest("it is over");
  EXPECT_EQ(b->over, Status::ended);
}

TEST_F(TlsTurns, an_end_behind_the_last_bytes_is_told_at_once) {
  auto [near, far] = io::MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = std::size_t{1} << 20});
  RawPeer peer(std::move(near));
  const auto b = accept(std::move(far));
  peer.shake_hands(world.loop());
  peer.say(std::string(16'384, 'l'));
  peer.say_goodbye();
  peer.send();  // and keeps the stream below open
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(b->received.size(), 16'384u);
  EXPECT_EQ(b->over, Status::ended);
}

TEST_F(TlsTurns, a_read_takes_a_bounded_part_of_what_is_there) {
  auto [near, far] = io::MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = std::size_t{4} << 20});
  RawPeer peer(std::move(near));
  const auto b = accept(std::move(far));
  peer.shake_hands(world.loop());
  b->is_reading = false;
  for (int i = 0; i < 20'000; ++i) peer.say("x");
  peer.send();
  world.loop().poll_once();
  std::array<std::uint8_t, 65'536> into;
  const io::Transfer first = b->stream().read_some(into);
  EXPECT_EQ(first.status, Status::moved);
  EXPECT_LE(first.bytes, 16u) << "records of one byte are not gathered without end";
  b->is_reading = true;
  for (int i = 0; i < 40'000 && b->received.size() + first.bytes < 20'000; ++i) world.loop().poll_once();
  EXPECT_EQ(b->received.size() + first.bytes, 20'000u);
}

TEST_F(TlsTurns, a_peer_that_asks_for_answers_and_reads_none_is_dropped) {
  auto [near, far] = io::MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = std::size_t{64} << 10});
  RawPeer peer(std::move(near));
  const auto b = accept(std::move(far));
  peer.shake_hands(world.loop());
  peer.end.is_reading = false;
  int asked = 0;
  while (!b->over) {
    ASSERT_LT(asked, 50'000) << "what waits for him has no end";
    // OpenSSL allows 32 at once without data between them.
    for (int i = 0; i < 30; ++i, ++asked) peer.ask_for_new_keys();
    peer.say("x");
    peer.send();
    for (int i = 0; i < 40; ++i) world.loop().poll_once();
  }
  EXPECT_EQ(b->over, Status::failed);
  EXPECT_EQ(b->stream().failure().code, Code::outbound_full);
  EXPECT_GT(asked, 5'000) << "a peer that is slow for a while is none of these";
  EXPECT_GE(b->received.size() + 1, static_cast<std::size_t>(asked / 30)) << "what came before was read";
}

}  // namespace
}  // namespace parley::net
