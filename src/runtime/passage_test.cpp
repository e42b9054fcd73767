#include "runtime/passage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/fault_stream.h"
#include "io/memory_stream.h"
#include "runtime/world_suite.h"

namespace parley::runtime {
namespace {

using testing::ElementsAre;

// One end of a stream, read as it comes.
class Party final : private io::StreamEvents {
 public:
  explicit Party(std::unique_ptr<io::Stream> stream) : stream(std::move(stream)) { this->stream->start(*this); }
  void say(std::string_view text) { EXPECT_EQ(stream->write_some(as_bytes(text)).bytes, text.size()); }

  std::unique_ptr<io::Stream> stream;
  std::string heard;
  bool has_ended = false;

 private:
  void on_readable() override {
    std::array<std::uint8_t, 4096> bytes;
    const io::Transfer read = stream->read_some(bytes);
    if (read.status == io::Transfer::Status::moved) heard += as_text(ByteView(bytes).first(read.bytes));
    has_ended |= read.status == io::Transfer::Status::ended || read.status == io::Transfer::Status::failed;
  }
  void on_writable() override {}
};

class PassageTest : public testing::Test, public PassageEvents {
 protected:
  void start(std::size_t pipe_bytes_max = 4096, io::FaultPlan* faults = nullptr) {
    auto [near_client, client_end] =
        io::MemoryStream::make_pair(world.loop, "mem:c", {.pipe_bytes_max = pipe_bytes_max});
    auto [near_server, server_end] =
        io::MemoryStream::make_pair(world.loop, "mem:s", {.pipe_bytes_max = pipe_bytes_max});
    client.emplace(std::move(client_end));
    server.emplace(std::move(server_end));
    std::unique_ptr<io::Stream> near[2] = {std::move(near_client), std::move(near_server)};
    for (auto& end : near) {
      if (faults) end = std::make_unique<io::FaultStream>(world.loop.executor(), std::move(end), *faults);
    }
    passage = std::make_unique<Passage>(std::move(near[0]), std::move(near[1]), room, *this);
    passage->start();
    world.settle();
  }
  void on_passing(Passage&, bool is_from_client, ByteView bytes) override {
    seen += (is_from_client ? ">" : "<") + std::string(as_text(bytes));
  }
  void on_end_of(Passage&, bool is_from_client, const Error* why) override {
    ends.push_back((is_from_client ? "client" : "server") + (why ? ": " + to_string(*why) : std::string()));
  }
  void on_passed(Passage&) override {
    is_over = true;
    world.loop.executor().bury(std::move(passage));
  }

  suite::World world;
  PassageRoom room;
  std::optional<Party> client;
  std::optional<Party> server;
  std::unique_ptr<Passage> passage;
  std::string seen;
  std::vector<std::string> ends;
  bool is_over = false;
};

TEST_F(PassageTest, what_one_end_says_the_other_hears) {
  start();
  client->say("hello");
  world.settle();
  server->say("yourself");
  world.settle();
  EXPECT_EQ(server->heard, "hello");
  EXPECT_EQ(client->heard, "yourself");
  EXPECT_EQ(seen, ">hello<yourself");
}

TEST_F(PassageTest, each_direction_ends_by_itself_and_then_it_is_over) {
  start();
  client->say("last");
  client->stream->finish();
  world.settle();
  EXPECT_EQ(server->heard, "last");
  EXPECT_TRUE(server->has_ended);
  EXPECT_FALSE(client->has_ended);
  server->say("words");
  server->stream->finish();
  world.settle();
  EXPECT_EQ(client->heard, "words");
  EXPECT_TRUE(client->has_ended);
  EXPECT_TRUE(is_over);
  EXPECT_THAT(ends, ElementsAre("client", "server"));
}

TEST_F(PassageTest, an_end_that_vanishes_is_passed_on) {
  start();
  client->stream.reset();
  world.settle();
  EXPECT_TRUE(server->has_ended);
  server->stream->finish();
  world.settle();
  EXPECT_TRUE(is_over);
}

TEST_F(PassageTest, descriptors_go_on_with_the_bytes_that_they_came_with) {
  start();
  const auto close = [](int) {};
  io::Descriptor passed[2] = {{4711, close}, {4712, close}};
  ASSERT_EQ(client->stream->write_some(as_bytes("with"), passed).bytes, 4u);
  client->say("out");
  world.settle();
  EXPECT_EQ(server->heard, "without");
  for (std::uint64_t number = 0; number < 2; ++number) {
    EXPECT_TRUE(server->stream->claim_descriptor(number)) << number;
  }
  EXPECT_FALSE(server->stream->claim_descriptor(2));
}

TEST_F(PassageTest, a_side_that_does_not_read_keeps_nothing_back_until_it_is_too_far_behind) {
  // Somebody who reads nothing: the stream is there, and nobody asks it.
  auto [near_client, client_end] = io::MemoryStream::make_pair(world.loop, "mem:c", {.pipe_bytes_max = 1 << 20});
  auto [near_server, server_end] = io::MemoryStream::make_pair(world.loop, "mem:s", {.pipe_bytes_max = 4096});
  client.emplace(std::move(client_end));
  passage = std::make_unique<Passage>(std::move(near_client), std::move(near_server), room, *this);
  passage->start();
  const std::string much(std::size_t{1} << 20, 'x');
  for (std::size_t said = 0; said <= Passage::waiting_bytes_max && !is_over; said += much.size()) {
    client->say(much);
    world.settle();
  }
  EXPECT_TRUE(is_over);
  EXPECT_THAT(ends, ElementsAre(testing::HasSubstr("the server has more than 67108864 bytes still to read"),
                                testing::HasSubstr("still to read")));
  EXPECT_TRUE(client->has_ended);
  EXPECT_EQ(room.bytes, 0u);
}

// Two passages whose servers read nothing.
TEST_F(PassageTest, all_passages_together_keep_no_more_than_their_room) {
  room.bytes_max = 10000;
  struct Other final : PassageEvents {
    void on_passing(Passage&, bool, ByteView) override {}
    void on_end_of(Passage&, bool, const Error* why) override { ends.push_back(why ? to_string(*why) : std::string()); }
    void on_passed(Passage&) override { is_over = true; }
    std::vector<std::string> ends;
    bool is_over = false;
  } other;
  const auto make = [&](PassageEvents& events) {
    auto [near_client, client_end] = io::MemoryStream::make_pair(world.loop, "mem:c");
    auto [near_server, server_end] = io::MemoryStream::make_pair(world.loop, "mem:s", {.pipe_bytes_max = 16});
    auto made = std::make_unique<Passage>(std::move(near_client), std::move(near_server), room, events);
    made->start();
    return std::tuple(std::move(made), std::make_unique<Party>(std::move(client_end)), std::move(server_end));
  };
  auto [first, first_client, first_server] = make(other);
  auto [second, second_client, second_server] = make(other);
  first_client->say(std::string(6016, 'x'));
  world.settle();
  EXPECT_EQ(room.bytes, 6000u);
  second_client->say(std::string(16, 'x'));  // fills the pipe
  world.settle();
  second_client->say(std::string(4000, 'x'));
  world.settle();
  EXPECT_EQ(room.bytes, 10000u);
  EXPECT_FALSE(other.is_over);
  second_client->say("x");
  world.settle();
  EXPECT_TRUE(other.is_over);
  EXPECT_THAT(other.ends, testing::Each(testing::HasSubstr("all streams together have more than 10000 bytes")));
  second.reset();  // as its owner does then
  world.settle();
  EXPECT_TRUE(second_client->has_ended);
  EXPECT_FALSE(first_client->has_ended);
  EXPECT_EQ(room.bytes, 6000u);
  // What is read makes room.
  std::array<std::uint8_t, 8> bytes;
  EXPECT_EQ(first_server->read_some(bytes).bytes, 8u);
  world.settle();
  EXPECT_EQ(room.bytes, 5992u);
  first.reset();
  EXPECT_EQ(room.bytes, 0u);
}

TEST_F(PassageTest, descriptors_that_wait_have_a_bound_too) {
  auto [near_client, client_end] = io::MemoryStream::make_pair(world.loop, "mem:c");
  auto [near_server, server_end] = io::MemoryStream::make_pair(world.loop, "mem:s", {.pipe_bytes_max = 1});
  client.emplace(std::move(client_end));
  passage = std::make_unique<Passage>(std::move(near_client), std::move(near_server), room, *this);
  passage->start();
  client->say("x");  // fills the pipe
  world.settle();
  static int open;
  open = 0;
  const auto pass_one = [&] {
    ++open;
    io::Descriptor passed[1] = {{4711, [](int) { --open; }}};
    EXPECT_EQ(client->stream->write_some(as_bytes("y"), passed).bytes, 1u);
    world.settle();
  };
  for (std::size_t i = 0; i < Passage::waiting_descriptors_max; ++i) pass_one();
  EXPECT_FALSE(is_over);
  EXPECT_EQ(open, static_cast<int>(Passage::waiting_descriptors_max));
  pass_one();
  EXPECT_TRUE(is_over);
  EXPECT_THAT(ends, testing::Each(testing::HasSubstr("the server has more than 64 descriptors still to read")));
  EXPECT_EQ(open, 0);
}

TEST_F(PassageTest, whatever_fails_it_is_over_in_the_end) {
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    io::FaultPlan faults{.fail_at = fail_at};
    is_over = false;
    start(64, &faults);
    for (int round = 0; round < 3 && !is_over; ++round) {
      if (client->stream) static_cast<void>(client->stream->write_some(as_bytes("0123456789")));
      if (server->stream) static_cast<void>(server->stream->write_some(as_bytes("9876543210")));
      world.settle();
    }
    client->stream.reset();
    server->stream.reset();
    world.settle();
    EXPECT_TRUE(is_over) << fail_at;
    EXPECT_EQ(room.bytes, 0u);
    if (!faults.has_failed()) break;
  }
}

}  // namespace
}  // namespace parley::runtime
