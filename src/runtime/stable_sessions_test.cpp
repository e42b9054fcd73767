#include "runtime/stable_sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/stable_link_suite.h"

// The server's end of stable sessions against bare bytes: who is let in, and who goes on with what.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using namespace std::literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string rejected = framed("ROSH\1"s + std::string(20, '\0'));

TEST(StableSessions, a_new_client_gets_a_key_and_a_session) {
  // rule: calls/stable.handshake.server-hello, calls/stable.resume-key
  AcceptedRig rig;
  std::set<std::string> keys;
  for (std::size_t i = 0; i < 5; ++i) {
    Bare& peer = rig.comes(client_hello() + frame(0, std::nullopt, "hi"));
    keys.insert(rig.key_for(peer));
    ASSERT_EQ(rig.links.size(), i + 1);
    EXPECT_THAT(rig.logs[i]->messages, ElementsAre("hi"));
    send(*rig.links[i], "welcome");
    EXPECT_EQ(rig.heard(peer), frame(0, 0, "welcome"));
  }
  EXPECT_EQ(keys.size(), 5u);
  EXPECT_EQ(rig.sessions.size(), 5u);
  EXPECT_EQ(rig.sessions.newcomer_count(), 0u);
}

TEST(StableSessions, a_client_that_comes_back_gets_what_it_lacks_and_a_new_key) {
  // rule: calls/stable.reconnect, calls/stable.reconnect.server-replay, calls/stable.resume-key
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello() + frame(0, std::nullopt, "hi"));
  const std::string key = rig.key_for(first);
  for (const char* message : {"a", "b", "c"}) send(*rig.links[0], message);
  EXPECT_EQ(rig.heard(first), frame(0, 0, "a") + frame(1, 0, "b") + frame(2, 0, "c"));
  first.end.destroy();
  rig.settle();
  send(*rig.links[0], "meanwhile");
  rig.pass(29s);

  Bare& second = rig.comes(client_hello(key, 0) + frame(0, std::nullopt, "hi") + frame(1, 2, "next"));
  std::string bytes = rig.heard(second);
  EXPECT_EQ(bytes.substr(0, 9), "\x19\0\0\0ROSH\2"s);
  EXPECT_EQ(bytes.substr(25, 4), "\0\0\0\0"s) << "it has number 0";
  const std::string new_key = AcceptedRig::take_key(bytes);
  EXPECT_NE(new_key, key);
  EXPECT_EQ(bytes, frame(1, 0, "b") + frame(2, 0, "c") + frame(3, 1, "meanwhile"));
  EXPECT_THAT(rig.logs[0]->messages, ElementsAre("hi", "next"));
  EXPECT_EQ(rig.links.size(), 1u) << "it is the same session";
  rig.pass(1min);
  EXPECT_EQ(rig.logs[0]->ends, 0) << "the time counts while there is no link";
}

TEST(StableSessions, a_key_that_is_not_known_is_rejected) {
  // rule: calls/stable.reconnect.failure
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello());
  const std::string key = rig.key_for(first);
  std::string wrong = key;
  wrong[15] ^= 1;
  for (const std::string& hello :
       {client_hello(wrong), client_hello(wrong, 0), client_hello(std::string(16, '\0')), client_hello({}, 0)}) {
    Bare& stranger = rig.comes(hello);
    EXPECT_EQ(rig.heard(stranger), rejected);
    EXPECT_TRUE(stranger.has_ended());
  }
  EXPECT_EQ(rig.links.size(), 1u);
  send(*rig.links[0], "still here");
  EXPECT_EQ(rig.heard(first), frame(0, std::nullopt, "still here"));
}

TEST(StableSessions, whoever_brings_the_key_takes_over_while_the_old_link_seems_alive) {
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello() + frame(0, std::nullopt, "hi"));
  const std::string key = rig.key_for(first);
  Bare& second = rig.comes(client_hello(key));
  std::string bytes = rig.heard(second);
  AcceptedRig::take_key(bytes);
  EXPECT_TRUE(first.has_ended());
  rig.says(second, frame(1, std::nullopt, "from there"));
  EXPECT_THAT(rig.logs[0]->messages, ElementsAre("hi", "from there"));
  EXPECT_EQ(rig.logs[0]->ends, 0);
}

TEST(StableSessions, every_key_that_the_client_may_have_is_good_and_older_ones_are_not) {
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello());
  const std::string old_key = rig.key_for(first);
  std::vector<std::string> keys;
  // The answers do not arrive, for all that the server knows.
  for (int i = 0; i < 3; ++i) keys.push_back(rig.key_for(rig.comes(client_hello(old_key))));
  const std::string newest = rig.key_for(rig.comes(client_hello(keys[1])));
  EXPECT_EQ(rig.heard(rig.comes(client_hello(old_key))), rejected);
  EXPECT_EQ(rig.heard(rig.comes(client_hello(keys[0]))), rejected);
  // A client that never gets an answer does not fill the table.
  for (int i = 0; i < 20; ++i) rig.key_for(rig.comes(client_hello(newest)));
  EXPECT_EQ(rig.sessions.size(), 1u);
  EXPECT_EQ(rig.links.size(), 1u);
}

TEST(StableSessions, a_session_that_nobody_comes_back_to_is_lost_in_time) {
  AcceptedRig rig({.stable_away_max = 10s});
  Bare& first = rig.comes(client_hello());
  const std::string key = rig.key_for(first);
  first.end.destroy();
  rig.pass(9999ms);
  EXPECT_EQ(rig.logs[0]->ends, 0);
  rig.pass(1ms);
  EXPECT_EQ(rig.logs[0]->ends, 1);
  EXPECT_EQ(rig.logs[0]->failure, (Error{Code::link_lost, "there was none for 10 s"}));
  EXPECT_EQ(rig.sessions.size(), 0u);
  EXPECT_EQ(rig.heard(rig.comes(client_hello(key))), rejected);
}

TEST(StableSessions, a_client_that_ends_in_good_order_is_not_waited_for) {
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello() + frame(0, std::nullopt, "bye") + end_mark);
  EXPECT_EQ(rig.logs[0]->ends, 1);
  EXPECT_EQ(rig.logs[0]->failure, std::nullopt);
  EXPECT_EQ(rig.sessions.size(), 0u);
  rig.links[0]->finish();
  std::string bytes = rig.heard(first);
  AcceptedRig::take_key(bytes);
  EXPECT_EQ(bytes, end_mark);
}

TEST(StableSessions, one_whose_client_has_other_messages_is_over) {
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello() + frame(0, std::nullopt, "hi"));
  const std::string key = rig.key_for(first);
  EXPECT_EQ(rig.heard(rig.comes(client_hello(key, 5))), rejected);
  EXPECT_EQ(rig.logs[0]->ends, 1);
  EXPECT_EQ(rig.logs[0]->failure->code, Code::link_lost);
}

TEST(StableSessions, a_second_hello_on_the_same_link_is_a_breach) {
  AcceptedRig rig;
  rig.comes(client_hello() + client_hello());
  EXPECT_EQ(rig.logs[0]->ends, 1);
  EXPECT_EQ(rig.logs[0]->failure->code, Code::message);
  EXPECT_THAT(rig.logs[0]->messages, IsEmpty());
}

TEST(StableSessions, another_user_does_not_go_on_with_it_whatever_key_he_brings) {
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello(), io::Peer::Credentials{.pid = 1, .uid = 1000, .gid = 1000});
  const std::string key = rig.key_for(first);
  EXPECT_EQ(rig.heard(rig.comes(client_hello(key), io::Peer::Credentials{.pid = 2, .uid = 1001, .gid = 1000})),
            rejected);
  EXPECT_FALSE(first.has_ended());
  std::string bytes = rig.heard(rig.comes(client_hello(key), io::Peer::Credentials{.pid = 3, .uid = 1000, .gid = 5}));
  EXPECT_NE(AcceptedRig::take_key(bytes), key);
  EXPECT_EQ(rig.links[0]->peer().credentials->pid, 3);
}

TEST(StableSessions, there_are_so_many_and_no_more) {
  AcceptedRig rig({.stable_sessions_max = 2});
  Bare& first = rig.comes(client_hello());
  const std::string key = rig.key_for(first);
  rig.key_for(rig.comes(client_hello()));
  EXPECT_EQ(rig.heard(rig.comes(client_hello())), rejected);
  rig.key_for(rig.comes(client_hello(key)));
  rig.links.pop_back();
  rig.key_for(rig.comes(client_hello()));
  EXPECT_EQ(rig.sessions.size(), 2u);
}

// Strangers who begin sessions and go leave places to others.
TEST(StableSessions, those_on_which_nothing_was_said_have_a_part_of_the_places) {
  AcceptedRig rig({.stable_sessions_max = 8});
  for (int i = 0; i < 5; ++i) {
    rig.comes(client_hello());
    rig.peers.pop_back();
    rig.settle();
    EXPECT_EQ(rig.sessions.size(), std::min<std::size_t>(static_cast<std::size_t>(i) + 1, 2));
  }
  const std::string key = rig.key_for(rig.comes(client_hello()));
  EXPECT_EQ(rig.sessions.size(), 3u);
  rig.peers.pop_back();
  rig.settle();
  EXPECT_EQ(rig.sessions.size(), 2u) << "not even who will say something";
}

TEST(StableSessions, without_room_those_that_are_there_go_on_and_none_begins) {
  AcceptedRig rig;
  const std::string key = rig.key_for(rig.comes(client_hello()));
  rig.has_room = false;
  EXPECT_EQ(rig.heard(rig.comes(client_hello())), rejected);
  Bare& bare = rig.comes(framed("hello"));
  EXPECT_TRUE(bare.has_ended());
  rig.key_for(rig.comes(client_hello(key)));
  EXPECT_EQ(rig.links.size(), 1u);
}

TEST(StableSessions, whatever_is_not_stable_passes_as_it_came) {
  AcceptedRig rig;
  Bare& peer = rig.comes(framed("hello") + framed("and more"));
  ASSERT_EQ(rig.links.size(), 1u);
  EXPECT_THAT(rig.logs[0]->messages, ElementsAre("hello", "and more"));
  send(*rig.links[0], "answer");
  EXPECT_EQ(rig.heard(peer), framed("answer"));
  rig.comes(std::string("GET / HTTP/1.1\r\n\r\n"));
  ASSERT_EQ(rig.links.size(), 2u);
  EXPECT_EQ(rig.logs[1]->failure->code, Code::frame_too_large) << "which is for the session to answer";
  EXPECT_EQ(rig.sessions.size(), 0u);
}

TEST(StableSessions, whoever_says_nothing_is_closed_in_time_and_so_is_who_waits_at_the_end) {
  AcceptedRig rig({.handshake_max = 2s});
  Bare& silent = rig.comes("");
  Bare& slow = rig.comes(client_hello().substr(0, 28));
  rig.pass(1999ms);
  EXPECT_FALSE(silent.has_ended() || slow.has_ended());
  EXPECT_EQ(rig.sessions.newcomer_count(), 2u);
  rig.pass(1ms);
  EXPECT_TRUE(silent.has_ended() && slow.has_ended());
  EXPECT_EQ(rig.sessions.newcomer_count(), 0u);
  Bare& last = rig.comes("");
  rig.sessions.drop_newcomers();
  rig.settle();
  EXPECT_TRUE(last.has_ended());
  EXPECT_EQ(rig.links.size(), 0u);
  EXPECT_EQ(rig.world.loop.executor().timer_count(), 0u);
}

}  // namespace
}  // namespace parley::runtime
