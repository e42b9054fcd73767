#include "hub/door.h"

#include <gtest/gtest.h>

#include "hub/hub_suite.h"
#include "io/memory_stream.h"
#include "runtime/framed_pair_suite.h"
#include "runtime/scripted_peer_suite.h"
#include "runtime/stable_link_suite.h"
#include "wire/opening_refusal.h"

// What comes to the door of a hub, and what becomes of it.
namespace parley::hub {
namespace {

using namespace runtime::suite;
using namespace suite;
using namespace std::chrono_literals;
namespace say = runtime::suite::say;
using wire::roam::Parity;

class DoorTest : public testing::Test {
 protected:
  // A caller that says these bytes.
  std::unique_ptr<io::Stream> caller(std::string_view bytes) {
    std::unique_ptr<io::Stream> stream = at.dial();
    EXPECT_EQ(stream->write_some(as_bytes(bytes)).bytes, bytes.size());
    world.settle();
    return stream;
  }
  // What it is told; "(open)" behind it when the hub has not closed the stream.
  std::string told(io::Stream& stream) {
    std::string all;
    for (;;) {
      std::array<std::uint8_t, 4096> bytes;
      const io::Transfer transfer = stream.read_some(bytes);
      if (transfer.status == io::Transfer::Status::would_block) return all + "(open)";
      if (transfer.status != io::Transfer::Status::moved) return all;
      all.append(as_text({bytes.data(), transfer.bytes}));
    }
  }
  std::uint64_t refused(std::string_view spoken) const {
    const auto found = at.hub->door().refused.find(spoken);
    return found == at.hub->door().refused.end() ? 0 : found->second;
  }

  HubWorld at{{.limits = {.sessions_max = 3, .newcomers_max = 4}}};
  World& world = at.world;
};

TEST_F(DoorTest, each_protocol_that_is_not_served_has_its_counter_and_its_answer) {
  struct Case {
    const char* spoken;
    std::string bytes;
  };
  const Case cases[] = {
      {"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"tls", std::string("\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11)},
      {"mcp", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n"},
      {"vox", std::string("\x08\0\0\0VOTH\x01\0\0\0", 12)},
      {"unknown", "hello there"},
      {"unknown", " {\"type\":1}"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.spoken);
    const std::uint64_t before = refused(each.spoken);
    auto stream = caller(each.bytes);
    EXPECT_EQ(refused(each.spoken), before + 1);
    std::string expected;
    for (const wire::Opening opening :
         {wire::Opening::http, wire::Opening::tls, wire::Opening::mcp, wire::Opening::vox}) {
      if (to_string(opening) == each.spoken) expected = as_text(wire::refusal_of(opening));
    }
    EXPECT_EQ(told(*stream), expected);
  }
  EXPECT_EQ(at.hub->door().accepted, 0u);
  EXPECT_EQ(at.hub->door().streams, std::size(cases));
}

TEST_F(DoorTest, roam_is_let_in_however_its_first_bytes_arrive) {
  const std::string hello = framed(as_text(say::hello(7, Parity::odd, 64, {{"parley", std::uint64_t{1}}})));
  std::unique_ptr<io::Stream> stream = at.dial();
  for (const char byte : hello) {
    EXPECT_EQ(told(*stream), "(open)");
    EXPECT_EQ(stream->write_some(as_bytes(std::string_view(&byte, 1))).bytes, 1u);
    world.settle();
  }
  EXPECT_EQ(at.hub->door().accepted, 1u);
  EXPECT_EQ(at.hub->session_count(), 1u);
  EXPECT_GT(told(*stream).size(), 6u) << "the answer to the hello";
}

TEST_F(DoorTest, stable_roam_is_let_in_and_whoever_comes_back_is_the_same_visitor) {
  for (const char* door : {"hub", "roam"}) {
    SCOPED_TRACE(door);
    if (door == std::string_view("roam")) ASSERT_TRUE(at.hub->listen("mem:roam", Hub::Speaks::roam));
    const std::size_t before = at.hub->session_count();
    const std::size_t bytes_before = at.hub->bytes_queued();
    io::MemoryDialer dialer(world.loop, door);
    const auto comes = [&](const std::string& bytes) {
      auto stream = world.run(dialer.dial()).value();
      EXPECT_EQ(stream->write_some(as_bytes(bytes)).bytes, bytes.size());
      world.settle();
      return stream;
    };
    const std::string hello(as_text(say::hello(7, Parity::odd, 64, {{"parley", std::uint64_t{1}}})));
    auto first = comes(client_hello() + frame(0, std::nullopt, hello));
    const std::string answer = told(*first);
    ASSERT_EQ(answer.substr(0, 9), std::string("\x19\0\0\0ROSH\0", 9));
    EXPECT_NE(answer.find("parley"), std::string::npos) << "the answer to the hello";
    EXPECT_EQ(at.hub->session_count(), before + 1);
    const std::string_view kept =
        std::string_view(answer).substr(29, answer.size() - 29 - std::string_view("(open)").size());
    EXPECT_EQ(at.hub->bytes_queued() - bytes_before, kept.size()) << "which may have to be sent again";
    first.reset();
    world.settle();
    EXPECT_EQ(at.hub->session_count(), before + 1) << "it may come back";
    auto second = comes(client_hello(answer.substr(9, 16)));
    EXPECT_EQ(told(*second).substr(29), answer.substr(29)) << "the answer again";
    EXPECT_EQ(at.hub->session_count(), before + 1);
    auto stranger = comes(client_hello(std::string(16, 'k')));
    EXPECT_EQ(told(*stranger), std::string("\x19\0\0\0ROSH\x01", 9) + std::string(20, '\0'));
  }
  EXPECT_EQ(refused("roam_stable"), 2u);
  at.hub->close();
  world.pass(5s);  // who might still come back is waited for as long as last bytes are
}

TEST_F(DoorTest, a_full_hub_lets_those_back_in_whose_link_broke) {
  const std::string hello(as_text(say::hello(7, Parity::odd, 64, {{"parley", std::uint64_t{1}}})));
  auto first = caller(client_hello() + frame(0, std::nullopt, hello));
  const std::string key = told(*first).substr(9, 16);
  const auto a = at.party();
  const auto b = at.party();
  auto refused_one = caller(client_hello());
  EXPECT_EQ(at.hub->door().too_many, 1u);
  first = caller(client_hello(key));
  EXPECT_EQ(told(*first).substr(0, 9), std::string("\x19\0\0\0ROSH\x02", 9)) << "and says what it had";
  EXPECT_EQ(at.hub->session_count(), 3u);
  EXPECT_EQ(at.hub->door().too_many, 1u);
  at.hub->close();
  world.pass(5s);
}

TEST_F(DoorTest, another_version_of_roam_is_told_which_one_is_spoken) {
  auto stream = caller(framed(as_text(say::hello(9, Parity::odd, 64))));
  EXPECT_NE(told(*stream).find("version 9"), std::string::npos);
  EXPECT_EQ(at.hub->session_count(), 0u);
}

TEST_F(DoorTest, whoever_says_nothing_is_left_alone_for_five_seconds_and_then_closed) {
  auto silent = at.dial();
  auto slow = caller(std::string("\x10\0\0", 3));
  world.pass(4999ms);
  EXPECT_EQ(told(*silent), "(open)");
  world.pass(1ms);
  EXPECT_EQ(told(*silent), "");
  EXPECT_EQ(told(*slow), "");
  EXPECT_EQ(at.hub->door().silent, 2u);
}

TEST_F(DoorTest, whoever_goes_before_saying_what_he_speaks_is_counted) {
  {
    auto stream = caller("GE");
  }
  world.settle();
  EXPECT_EQ(refused("unknown"), 1u);
}

TEST_F(DoorTest, more_than_the_limit_are_closed_as_they_come_and_there_is_room_again_afterwards) {
  std::vector<std::unique_ptr<Party>> parties;
  for (int i = 0; i < 3; ++i) parties.push_back(at.party());
  EXPECT_TRUE(at.stranger()->session->has_ended());
  EXPECT_EQ(at.hub->door().too_many, 1u);
  parties.pop_back();
  world.settle();
  at.party();
}

// Whoever only comes, however often, takes no place of those who are let in, and keeps nobody out.
TEST_F(DoorTest, newcomers_push_out_each_other_and_nobody_else) {
  auto inside = at.party();
  std::vector<std::unique_ptr<io::Stream>> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(at.dial());
  silent.push_back(caller(std::string("\x16\x03\x01", 3)));
  EXPECT_EQ(at.hub->door().pushed_out, 1u);
  EXPECT_EQ(told(*silent[0]), "");
  EXPECT_EQ(told(*silent[1]), "(open)");
  auto other = at.party();
  EXPECT_EQ(at.hub->door().pushed_out, 2u);
  EXPECT_TRUE(inside->session->is_established());
  EXPECT_EQ(at.hub->door().too_many, 0u);
}

// What was ready for it in the turn in which it had to go is told to nobody.
TEST_F(DoorTest, an_arrival_that_left_tells_nothing) {
  struct Events final : ArrivalEvents {
    void on_opening(Arrival&, wire::Opening) override { ++told; }
    void on_silence(Arrival&) override { ++told; }
    int told = 0;
  } events;
  auto [near, far] = io::MemoryStream::make_pair(world.loop);
  auto arrival = std::make_unique<Arrival>(world.loop, std::move(far), events);
  arrival->wait(world.loop.now() + 1s);
  ASSERT_EQ(near->write_some(as_bytes(std::string_view("GET / HTTP/1.1\r\n"))).bytes, 16u);
  arrival->leave();
  world.loop.poll_once();
  arrival.reset();
  world.pass(2s);
  EXPECT_EQ(events.told, 0);
}

TEST_F(DoorTest, a_handshake_that_is_not_over_is_pushed_out_too) {
  const std::string hello = framed(as_text(say::hello(7, Parity::odd, 64)));
  auto half = caller(std::string_view(hello).substr(0, hello.size() - 1));
  EXPECT_EQ(at.hub->session_count(), 1u);
  std::vector<std::unique_ptr<io::Stream>> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(at.dial());
  world.settle();
  EXPECT_EQ(at.hub->door().pushed_out, 1u);
  EXPECT_EQ(at.hub->session_count(), 0u);
  EXPECT_NE(told(*half).find("you had not said who you are"), std::string::npos);
}

TEST_F(DoorTest, the_time_at_the_door_and_of_the_handshake_is_one) {
  const std::string hello = framed(as_text(say::hello(7, Parity::odd, 64)));
  auto half = at.dial();
  world.pass(4000ms);
  EXPECT_EQ(half->write_some(as_bytes(std::string_view(hello).substr(0, hello.size() - 1))).bytes, hello.size() - 1);
  world.pass(999ms);
  EXPECT_EQ(at.hub->session_count(), 1u);
  EXPECT_EQ(told(*half), "(open)");
  world.pass(1ms);
  EXPECT_EQ(at.hub->session_count(), 0u);
  EXPECT_NE(told(*half), "(open)");
}

// Last words leave while somebody may still read them; whoever reads none takes no descriptors for that.
TEST_F(DoorTest, sessions_that_are_over_and_still_open_are_counted_and_bounded) {
  const std::string hello = framed(as_text(say::hello(7, Parity::odd, 64)));
  const std::string_view half = std::string_view(hello).substr(0, hello.size() - 1);
  std::vector<std::unique_ptr<io::Stream>> callers;
  for (int i = 0; i < 12; ++i) callers.push_back(caller(half));
  EXPECT_EQ(at.hub->door().pushed_out, 12u - 4u);
  EXPECT_EQ(at.hub->leaving_count(), 4u);
  auto operating = at.party();
  const auto counters = world.run([](Client<builtin::Hub> client) -> Task<Result<std::vector<builtin::Count>>> {
    co_return co_await client.call<&builtin::Hub::counters>();
  }(operating->client<builtin::Hub>("parley.Hub")));
  ASSERT_TRUE(counters);
  const auto count = [&](std::string_view name) {
    return std::ranges::find(*counters, name, &builtin::Count::name)->value;
  };
  EXPECT_EQ(count("sessions_leaving"), 4u);
  EXPECT_EQ(count("sessions_cut_off") + count("sessions_leaving"), at.hub->door().pushed_out);
  for (std::size_t i = 0; i < at.hub->door().pushed_out; ++i) {
    EXPECT_NE(told(*callers[i]).find("you had not said who you are"), std::string::npos) << "also of who was cut off";
  }
  // Whoever ends as well is waited for no more, and nobody for longer than a handshake takes.
  callers[at.hub->door().pushed_out - 1].reset();
  world.settle();
  EXPECT_EQ(at.hub->leaving_count(), 3u);
  world.pass(5s);
  EXPECT_EQ(at.hub->leaving_count(), 3u) << "of those who have not said who they are until now";
  world.pass(5s);
  EXPECT_EQ(at.hub->leaving_count(), 0u);
}

TEST_F(DoorTest, a_listener_for_roam_alone_asks_nobody) {
  ASSERT_TRUE(at.hub->listen("mem:roam", Hub::Speaks::roam));
  io::MemoryDialer dialer(world.loop, "roam");
  auto stream = world.run(dialer.dial()).value();
  const std::string_view bytes = "GET / HTTP/1.1\r\n\r\n";
  ASSERT_EQ(stream->write_some(as_bytes(bytes)).bytes, bytes.size());
  world.settle();
  EXPECT_EQ(at.hub->door().accepted, 1u);
  EXPECT_EQ(refused("http"), 0u);
  EXPECT_NE(told(*stream), "(open)") << "which the session finds wrong";
}

TEST_F(DoorTest, closing_the_hub_closes_who_stands_at_the_door) {
  auto stream = caller("GE");
  at.hub->close();
  world.settle();
  EXPECT_EQ(told(*stream), "");
}

}  // namespace
}  // namespace parley::hub
