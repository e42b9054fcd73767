#include "core/session/connections.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace parley::core {
namespace {

using State = ConnectionEnd::State;

class ConnectionsTest : public testing::Test {
 protected:
  // What a breach says.
  template <class T>
  static std::string breach(const Result<T>& result) {
    EXPECT_FALSE(result);
    if (result) return {};
    EXPECT_EQ(result.error().code, Code::wrong_connection);
    return result.error().note;
  }
  ConnectionEnd& asked(ConnectionEnd& end, std::uint64_t id) {
    EXPECT_TRUE(connections.on_open(id).value());
    connections.take(end, id);
    return end;
  }

  Limits limits{.connections_max = 2};
  Counters counters;
  Connections connections{limits, counters, {.parity = Parity::even}};  // so that the peer's ids are odd
  ConnectionEnd first, second, third;
};

TEST_F(ConnectionsTest, ours_get_ids_of_the_parity_of_the_session) {
  // rule: calls/session.parity, calls/connection.virtual
  connections.open(first);
  connections.open(second);
  EXPECT_EQ(first.id(), 2u);
  EXPECT_EQ(second.id(), 4u);
  EXPECT_EQ(first.state(), State::opening);
  EXPECT_EQ(connections.on_accept(2).value(), &first);
  EXPECT_EQ(first.state(), State::open);
  EXPECT_EQ(connections.on_reject(4).value(), &second);
  EXPECT_EQ(second.state(), State::idle);
  connections.open(second);
  EXPECT_EQ(second.id(), 6u) << "no id is given out twice";
  EXPECT_EQ(counters.connections_opened, 3u);
}

TEST_F(ConnectionsTest, an_open_of_the_wrong_parity_or_of_an_id_in_use_is_a_breach) {
  // rule: calls/connection.open, calls/connection.root
  EXPECT_EQ(breach(connections.on_open(0)), "connection 0 is always open");
  EXPECT_EQ(breach(connections.on_open(2)), "ids of connections that the peer opens are odd, 2 is not");
  asked(first, 1);
  EXPECT_EQ(breach(connections.on_open(1)), "connection 1 is open already");
  connections.accept(first);
  EXPECT_EQ(breach(connections.on_open(1)), "connection 1 is open already");
}

TEST_F(ConnectionsTest, the_peer_may_open_as_many_as_the_limit_says) {
  // rule: calls/connection.open.rejection
  asked(first, 1);
  asked(second, 3);
  EXPECT_FALSE(connections.on_open(5).value());
  connections.close(first);
  EXPECT_TRUE(connections.on_open(7).value());
  EXPECT_EQ(connections.size(), 1u);
}

TEST_F(ConnectionsTest, ours_are_not_counted_against_the_peers_limit) {
  for (ConnectionEnd* end : {&first, &second, &third}) connections.open(*end);
  EXPECT_EQ(connections.size(), 3u);
  ConnectionEnd of_peer;
  asked(of_peer, 1);
}

TEST_F(ConnectionsTest, messages_on_a_connection_that_was_never_open_are_a_breach) {
  // rule: calls/weakness.36
  asked(first, 3);
  for (const std::uint64_t id : {2u, 5u, 100u}) {
    const std::string said = "connection " + std::to_string(id) + " was never open";
    EXPECT_EQ(breach(connections.on_message(id)), said);
    EXPECT_EQ(breach(connections.on_close(id)), said);
  }
  EXPECT_EQ(breach(connections.on_close(0)), "the root connection cannot be closed");
  EXPECT_EQ(counters.messages_late, 0u);
}

TEST_F(ConnectionsTest, messages_that_cross_an_end_are_late_and_counted) {
  // rule: calls/connection.close
  connections.open(first);
  connections.close(first);
  asked(second, 1);
  EXPECT_EQ(connections.on_close(1).value(), &second);
  EXPECT_EQ(second.state(), State::idle);
  for (const std::uint64_t id : {1u, 2u}) {
    EXPECT_EQ(connections.on_message(id).value(), nullptr);
    EXPECT_EQ(connections.on_close(id).value(), nullptr);
  }
  EXPECT_EQ(connections.on_accept(2).value(), nullptr);
  EXPECT_EQ(connections.on_reject(2).value(), nullptr);
  EXPECT_EQ(counters.messages_late, 6u);
}

TEST_F(ConnectionsTest, an_answer_that_nobody_asked_for_or_a_second_one_is_a_breach) {
  // rule: calls/connection.open
  for (const std::uint64_t id : {0u, 1u, 2u, 8u}) {
    const std::string of = " of connection " + std::to_string(id) + ", which this end never asked for";
    EXPECT_EQ(breach(connections.on_accept(id)), "an accept" + of);
    EXPECT_EQ(breach(connections.on_reject(id)), "a reject" + of);
  }
  connections.open(first);
  ASSERT_TRUE(connections.on_accept(2));
  EXPECT_EQ(breach(connections.on_accept(2)), "a second answer about connection 2");
  EXPECT_EQ(breach(connections.on_reject(2)), "a second answer about connection 2");
}

TEST_F(ConnectionsTest, one_is_used_before_it_is_answered) {
  connections.open(first);
  EXPECT_EQ(connections.on_message(2).value(), &first);
  asked(second, 1);
  EXPECT_EQ(connections.on_message(1).value(), &second);
  EXPECT_EQ(counters.connections_accepted, 0u);
  connections.accept(second);
  EXPECT_EQ(counters.connections_accepted, 1u);
}

TEST_F(ConnectionsTest, the_end_of_the_session_takes_all_out) {
  connections.open(first);
  asked(second, 1);
  int taken = 0;
  while (ConnectionEnd* end = connections.take_any()) {
    EXPECT_EQ(end->state(), State::idle);
    ++taken;
  }
  EXPECT_EQ(taken, 2);
  EXPECT_EQ(connections.size(), 0u);
}

}  // namespace
}  // namespace parley::core
