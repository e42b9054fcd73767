#include "io/unread_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "io/memory_stream.h"
#include "io/stream_end_suite.h"

namespace parley::io {
namespace {

using suite::End;
using suite::Status;

// Reads once, and gives all but the first byte back.
struct FirstReader final : StreamEvents {
  explicit FirstReader(UnreadStream& stream) : stream(stream) {}
  void on_readable() override {
    std::array<std::uint8_t, 100> bytes;
    const Transfer transfer = stream.read_some(bytes);
    if (transfer.status == Status::moved) stream.unread(std::string(as_text({bytes.data(), transfer.bytes})).substr(1));
  }
  void on_writable() override {}
  UnreadStream& stream;
};

class UnreadStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    auto [near, far] = MemoryStream::make_pair(world.loop());
    peer = std::move(near);
    stream = std::make_unique<UnreadStream>(world.loop(), std::move(far));
    first = std::make_unique<FirstReader>(*stream);
    stream->start(*first);
  }
  suite::IdleWorld world;
  std::unique_ptr<Stream> peer;
  std::unique_ptr<UnreadStream> stream;
  std::unique_ptr<FirstReader> first;
};

TEST_F(UnreadStreamTest, the_second_reader_reads_what_the_first_gave_back_and_what_follows) {
  peer->write_some(as_bytes("hello"));
  suite::turn_a_little(world.loop());
  peer->write_some(as_bytes(" world"));
  peer->finish();
  suite::turn_a_little(world.loop());
  End second(std::move(stream));
  second.read_max = 2;
  second.start();
  suite::turn_a_little(world.loop());
  EXPECT_EQ(as_text(second.received), "ello world");
  EXPECT_EQ(second.over, Status::ended);
}

TEST_F(UnreadStreamTest, the_second_reader_is_told_of_an_end_that_the_first_has_seen) {
  peer->write_some(as_bytes("x"));
  peer->finish();
  suite::turn_a_little(world.loop());
  End second(std::move(stream));
  second.start();
  suite::turn_a_little(world.loop());
  EXPECT_EQ(second.over, Status::ended);
}

TEST_F(UnreadStreamTest, the_second_reader_may_destroy_it_when_it_is_told) {
  peer->write_some(as_bytes("abc"));
  suite::turn_a_little(world.loop());
  End second(std::move(stream));
  second.at_readable = [&] { second.destroy(); };
  second.start();
  suite::turn_a_little(world.loop());
  EXPECT_FALSE(second.is_alive());
}

}  // namespace
}  // namespace parley::io
