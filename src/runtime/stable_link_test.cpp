#include "runtime/stable_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/stable_link_suite.h"

// The client's end of a stable session against bare bytes: what it says, and what it makes of what it hears.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using namespace std::literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string key = "0123456789abcdef";
const std::string next_key = "fedcba9876543210";

// A client whose server has answered and said one thing.
class StableLinkTest : public testing::Test {
 protected:
  DialedRig& joined(const Limits& limits = {}) {
    made.emplace(limits);
    EXPECT_EQ(made->heard(), client_hello());
    made->says(server_hello(key) + frame(0, std::nullopt, "hi"));
    EXPECT_THAT(made->log.messages, ElementsAre("hi"));
    made->log.messages.clear();
    return *made;
  }
  static Code end_of(const DialedRig& rig) {
    EXPECT_EQ(rig.log.ends, 1);
    return rig.log.failure ? rig.log.failure->code : Code::bug;
  }
  std::optional<DialedRig> made;
};

TEST_F(StableLinkTest, messages_are_numbered_and_carry_what_was_received) {
  // rule: calls/stable.framing, calls/stable.ack, calls/stable.seq, calls/conduit.stable
  DialedRig rig;
  rig.sends("early");
  EXPECT_EQ(rig.heard(), client_hello()) << "nothing goes before the answer";
  rig.says(server_hello(key));
  EXPECT_EQ(rig.heard(), framed("\0\0early"sv));
  rig.says(framed("\0\1\0first"sv) + framed("\1\1\0second"sv));
  EXPECT_THAT(rig.log.messages, ElementsAre("first", "second"));
  rig.sends("more");
  EXPECT_EQ(rig.heard(), framed("\1\1\1more"sv));
}

TEST_F(StableLinkTest, on_the_next_link_what_the_peer_lacks_comes_again_as_it_was_and_in_order) {
  // rule: calls/stable, calls/stable.link-source, calls/stable.reconnect, calls/stable.reconnect.client-replay,
  // rule: calls/stable.replay-buffer.order, calls/zerocopy.scatter.replay, calls/stable.framing.encoding
  DialedRig& rig = joined();
  rig.sends("a");
  rig.sends("b");
  rig.says(frame(1, 0, "two"));
  rig.sends("c");
  EXPECT_EQ(rig.heard(), frame(0, 0, "a") + frame(1, 0, "b") + frame(2, 1, "c"));
  rig.cut();
  EXPECT_EQ(rig.heard(), client_hello(key, 1));
  rig.sends("d");
  EXPECT_EQ(rig.heard(), "");
  rig.says(server_hello(next_key, 0) + frame(1, 0, "two") + frame(2, 0, "three"));
  EXPECT_EQ(rig.heard(), frame(1, 0, "b") + frame(2, 1, "c") + frame(3, 2, "d"))
      << "with the acknowledgements of the first time; what was not numbered yet has the newest";
  EXPECT_THAT(rig.log.messages, ElementsAre("two", "three"));
  rig.cut();
  EXPECT_EQ(rig.heard(), client_hello(next_key, 2)) << "by the newest key";
  EXPECT_EQ(rig.log.ends, 0);
}

TEST_F(StableLinkTest, what_comes_twice_is_dropped) {
  // rule: calls/stable.seq.monotonic
  DialedRig& rig = joined();
  rig.says(frame(0, std::nullopt, "hi") + frame(1, std::nullopt, "two") + frame(0, std::nullopt, "hi") +
           frame(1, std::nullopt, "two") + frame(2, std::nullopt, "three"));
  EXPECT_THAT(rig.log.messages, ElementsAre("two", "three"));
}

TEST_F(StableLinkTest, numbers_wrap_on_one_link_and_across_links) {
  // rule: calls/stable.seq, calls/stable.seq.monotonic
  constexpr std::uint32_t last = ~std::uint32_t{0};
  DialedRig rig({}, {.sent = last - 1, .received = last});
  EXPECT_EQ(rig.heard(), client_hello());
  rig.says(server_hello(key) + frame(last, std::nullopt, "one") + frame(0, std::nullopt, "two"));
  rig.sends("a");
  rig.sends("b");
  rig.sends("c");
  EXPECT_EQ(rig.heard(), frame(last - 1, 0, "a") + frame(last, 0, "b") + frame(0, 0, "c"));
  rig.says(frame(1, last - 1, "three"));
  rig.cut();
  EXPECT_EQ(rig.heard(), client_hello(key, 1));
  rig.says(server_hello(next_key, last) + frame(0, std::nullopt, "two") + frame(2, 0, "four"));
  EXPECT_EQ(rig.heard(), frame(0, 0, "c"));
  EXPECT_THAT(rig.log.messages, ElementsAre("one", "two", "three", "four"));
  EXPECT_EQ(rig.link->bytes_kept(), 0u);
  EXPECT_EQ(rig.log.ends, 0);
}

TEST_F(StableLinkTest, what_it_had_to_do_for_that_is_told) {
  DialedRig& rig = joined();
  using enum io::LinkEvents::News;
  rig.sends("a");
  rig.sends("b");
  EXPECT_EQ(rig.link->bytes_kept(), 2 * framed("\0\1\0a"sv).size());
  EXPECT_EQ(rig.log.times(resumed), 0u);
  rig.cut();
  rig.says(server_hello(next_key) + frame(0, std::nullopt, "hi"));
  EXPECT_EQ(rig.log.times(resumed), 1u);
  EXPECT_EQ(rig.log.times(resent), 2u);
  EXPECT_EQ(rig.log.times(repeated), 1u);
  EXPECT_EQ(rig.log.times(silent), 0u);
}

TEST_F(StableLinkTest, a_peer_that_owes_an_acknowledgement_and_is_silent_is_asked_and_then_left) {
  // rule: calls/session.keepalive
  DialedRig& rig = joined({.stable_silence_max = 15s});
  rig.sends("sent");
  EXPECT_EQ(rig.heard(), frame(0, 0, "sent"));
  rig.pass(14s);
  EXPECT_EQ(rig.heard(), "");
  rig.pass(1s);
  EXPECT_EQ(rig.heard(), frame(1, 0, "\0\x09\1"sv));
  rig.pass(14s);
  EXPECT_FALSE(rig.peer().has_ended());
  rig.pass(1s);
  EXPECT_TRUE(rig.peer().has_ended());
  EXPECT_EQ(rig.log.times(io::LinkEvents::News::silent), 1u);
  rig.pass(Backoff::first);
  EXPECT_EQ(rig.heard(), client_hello(key, 0));
  rig.says(server_hello(next_key, 0));
  EXPECT_EQ(rig.heard(), frame(1, 0, "\0\x09\1"sv));
  rig.says(frame(1, 1, "\0\x0a\1"sv));
  rig.pass(10min);
  EXPECT_EQ(rig.heard(), "") << "whoever owes nothing may be silent";
  EXPECT_EQ(rig.dialed, 1u);
  EXPECT_EQ(rig.world.loop.executor().timer_count(), 0u);
}

TEST_F(StableLinkTest, a_sign_of_life_is_enough) {
  DialedRig& rig = joined({.stable_silence_max = 15s});
  rig.sends("sent");
  for (std::uint32_t i = 1; i < 20; ++i) {
    rig.pass(14s);
    rig.says(frame(i, std::nullopt, "acknowledges nothing"));
  }
  EXPECT_EQ(rig.dialed, 0u);
  // Part of a message is one, too.
  const std::string slow = frame(20, std::nullopt, std::string(100, 's'));
  for (const char byte : slow) {
    rig.pass(14s);
    rig.says({&byte, 1});
  }
  EXPECT_EQ(rig.log.messages.back(), std::string(100, 's'));
  EXPECT_EQ(rig.heard(), frame(0, 0, "sent")) << "so it is not asked";
  EXPECT_EQ(rig.dialed, 0u);
}

TEST_F(StableLinkTest, answers_to_pings_are_not_waited_for) {
  DialedRig& rig = joined({.stable_silence_max = 15s});
  rig.sends("\0\x0a\1"sv);
  rig.pass(10min);
  EXPECT_EQ(rig.heard(), frame(0, 0, "\0\x0a\1"sv)) << "two ends would ask each other for ever";
  EXPECT_EQ(rig.world.loop.executor().timer_count(), 0u);
}

TEST_F(StableLinkTest, without_a_link_control_messages_overtake_data) {
  DialedRig& rig = joined();
  rig.peer().end.destroy();
  rig.settle();
  EXPECT_TRUE(rig.link->is_blocked());
  rig.sends("data");
  send_control(*rig.link, "control");
  rig.pass(Backoff::first);
  EXPECT_EQ(rig.heard(), client_hello(key, 0));
  rig.says(server_hello(key));
  EXPECT_EQ(rig.heard(), frame(0, 0, "control") + frame(1, 0, "data"));
  EXPECT_FALSE(rig.link->is_blocked());
  EXPECT_GE(rig.log.drains, 1);
}

TEST_F(StableLinkTest, a_server_that_does_not_know_the_key_has_lost_the_session) {
  // rule: calls/stable.reconnect.failure
  DialedRig& rig = joined();
  rig.cut();
  rig.says(framed("ROSH\1"s + std::string(20, '\0')));
  EXPECT_EQ(end_of(rig), Code::link_lost);
  rig.pass(1min);
  EXPECT_EQ(rig.dialed, 1u) << "and it is not dialed again";
}

TEST_F(StableLinkTest, so_has_one_that_has_other_messages_than_were_sent) {
  // rule: calls/stable.reconnect.failure
  for (const std::optional<std::uint32_t> last : {std::optional<std::uint32_t>(), std::optional<std::uint32_t>(7)}) {
    DialedRig& rig = joined();
    rig.sends("a");
    rig.says(frame(1, 0, "has it"));
    rig.cut();
    rig.says(server_hello(key, last));
    EXPECT_EQ(end_of(rig), Code::link_lost);
  }
}

TEST_F(StableLinkTest, it_dials_again_and_again_until_the_time_is_up) {
  DialedRig& rig = joined({.stable_away_max = 3s});
  rig.sends("sent");
  rig.is_reachable = false;
  rig.peer().end.destroy();
  for (int i = 0; i < 29; ++i) rig.pass(100ms);
  EXPECT_EQ(rig.log.ends, 0);
  EXPECT_GE(rig.dialed, 4u);
  EXPECT_LE(rig.dialed, 7u) << "ever more slowly";
  rig.pass(100ms);
  EXPECT_EQ(end_of(rig), Code::link_lost);
  EXPECT_EQ(rig.log.failure->note, "there was none for 3 s");
  EXPECT_EQ(rig.world.loop.executor().timer_count(), 1u) << "of a pause that ends in nothing";
}

TEST_F(StableLinkTest, a_server_that_does_not_answer_the_hello_is_left_for_another_link) {
  DialedRig& rig = joined({.handshake_max = 2s});
  rig.cut();
  EXPECT_EQ(rig.dialed, 1u);
  rig.pass(2s);
  EXPECT_TRUE(rig.peer().has_ended());
  rig.pass(200ms);
  EXPECT_EQ(rig.dialed, 2u);
  rig.says(server_hello(next_key));
  rig.sends("a");
  EXPECT_EQ(rig.heard(), client_hello(key, 0) + frame(0, 0, "a"));
}

TEST_F(StableLinkTest, a_first_link_that_fails_is_the_end) {
  DialedRig cut;
  cut.peer().end.destroy();
  cut.settle();
  EXPECT_EQ(end_of(cut), Code::link_lost);
  DialedRig rejected;
  rejected.says(framed("ROSH\1"s + std::string(20, '\0')));
  EXPECT_EQ(end_of(rejected), Code::rejected);
  DialedRig bare;
  bare.says(framed("\0\2\5no!!!"sv));
  EXPECT_EQ(end_of(bare), Code::message);
}

TEST_F(StableLinkTest, a_peer_that_breaks_the_rules_ends_it_and_can_still_be_told) {
  const std::pair<std::string, Code> cases[] = {
      {frame(1, 0, "acknowledges what was never sent"), Code::unexpected},
      {framed("\x80"), Code::message},
      {framed("\1\2"), Code::message},
      {server_hello(key), Code::message},
  };
  for (const auto& [bytes, code] : cases) {
    DialedRig& rig = joined();
    rig.says(bytes);
    EXPECT_EQ(end_of(rig), code);
    EXPECT_THAT(rig.log.messages, IsEmpty());
    send(*rig.link, "wrong");
    rig.link->finish();
    EXPECT_EQ(rig.heard(), frame(0, 0, "wrong") + end_mark);
    rig.pass(1min);
    EXPECT_EQ(rig.dialed, 0u) << "there is nothing to go on with";
  }
}

TEST_F(StableLinkTest, what_the_peer_left_out_comes_over_the_next_link) {
  // rule: calls/stable.reconnect.client-replay
  DialedRig& rig = joined();
  rig.says(frame(1, std::nullopt, "one") + frame(3, std::nullopt, "three"));
  EXPECT_EQ(rig.log.ends, 0);
  EXPECT_EQ(rig.dialed, 1u) << "at once, while it knows what it left out";
  EXPECT_EQ(rig.heard(), client_hello(key, 1));
  rig.says(server_hello(key, std::nullopt) + frame(2, std::nullopt, "two") + frame(3, std::nullopt, "three"));
  EXPECT_THAT(rig.log.messages, ElementsAre("one", "two", "three"));
  EXPECT_EQ(rig.log.ends, 0);
}

TEST_F(StableLinkTest, a_server_waits_for_the_next_link_as_well) {
  // rule: calls/stable.reconnect.server-replay
  AcceptedRig rig;
  Bare& first = rig.comes(client_hello());
  const std::string own_key = rig.key_for(first);
  rig.says(first, frame(1, std::nullopt, "one, where none comes next"));
  EXPECT_TRUE(first.has_ended());
  Bare& next = rig.comes(client_hello(own_key));
  rig.key_for(next);
  rig.says(next, frame(0, std::nullopt, "none") + frame(1, std::nullopt, "one"));
  EXPECT_THAT(rig.logs[0]->messages, ElementsAre("none", "one"));
  EXPECT_EQ(rig.logs[0]->ends, 0);
}

TEST_F(StableLinkTest, what_never_comes_is_a_breach) {
  DialedRig& rig = joined();
  for (int link = 0; link < 4; ++link) {
    rig.says(frame(2, std::nullopt, "a gap"));
    EXPECT_EQ(rig.log.ends, 0);
    EXPECT_EQ(rig.heard(), client_hello(key, 0));
    rig.says(server_hello(key));
  }
  rig.says(frame(2, std::nullopt, "a gap"));
  EXPECT_EQ(end_of(rig), Code::unexpected);
  EXPECT_THAT(rig.log.messages, IsEmpty());
}

TEST_F(StableLinkTest, a_server_that_leaves_something_out_on_each_link_is_not_dialed_at_once_for_ever) {
  DialedRig& rig = joined();
  std::uint32_t number = 1;
  const auto says_one_and_leaves_one_out = [&] {
    rig.says(frame(number, std::nullopt, "one") + frame(number + 2, std::nullopt, "left one out"));
    ++number;
  };
  for (std::size_t link = 1; link <= 16; ++link) {
    says_one_and_leaves_one_out();
    ASSERT_EQ(rig.dialed, link);
    rig.says(server_hello(key));
  }
  says_one_and_leaves_one_out();
  EXPECT_EQ(rig.dialed, 16u);
  rig.pass(100ms);
  EXPECT_EQ(rig.dialed, 17u) << "as after any cut";
  rig.says(server_hello(key));
  rig.pass(6s);
  says_one_and_leaves_one_out();
  EXPECT_EQ(rig.dialed, 18u) << "that link lasted";
  EXPECT_EQ(rig.log.ends, 0);
}

TEST_F(StableLinkTest, a_long_message_is_refused_before_it_is_read) {
  DialedRig& rig = joined();
  rig.link->set_frame_bytes_max(100);
  rig.says(frame(1, std::nullopt, std::string(100, 'm')));
  EXPECT_EQ(rig.log.ends, 0);
  rig.says(frame(2, std::nullopt, std::string(110, 'm')));
  EXPECT_EQ(end_of(rig), Code::frame_too_large);
}

TEST_F(StableLinkTest, an_end_in_good_order_is_said_and_an_end_without_that_is_a_cut) {
  DialedRig& rig = joined();
  send(*rig.link, "last");
  rig.link->finish();
  EXPECT_EQ(rig.heard(), frame(0, 0, "last") + end_mark);
  EXPECT_TRUE(rig.peer().has_ended());
  rig.cut();
  EXPECT_EQ(rig.heard(), client_hello(key, 0)) << "it may not have come";
  rig.says(server_hello(next_key));
  EXPECT_EQ(rig.heard(), frame(0, 0, "last") + end_mark);
  rig.says(end_mark);
  EXPECT_EQ(rig.log.ends, 1);
  EXPECT_EQ(rig.log.failure, std::nullopt);
}

TEST_F(StableLinkTest, nothing_is_kept_without_a_bound_when_a_peer_acknowledges_nothing) {
  // rule: calls/stable.replay-buffer
  DialedRig& rig = joined({.stable_items_max = 16});
  for (int i = 0; i < 100; ++i) send(*rig.link, "m" + std::to_string(i));
  rig.settle();
  std::string expected;
  for (std::uint32_t i = 0; i < 16; ++i) {
    // A quarter is under way, and asks for an acknowledgement; so many more leave, and then no more.
    expected += i == 4 ? frame(i, 0, "\0\x09\4"sv) : frame(i, 0, "m" + std::to_string(i < 4 ? i : i - 1));
  }
  EXPECT_EQ(rig.heard(), expected);
  EXPECT_TRUE(rig.link->is_blocked());
  const std::size_t waiting = rig.link->out().size();
  EXPECT_GT(waiting, 80u * 6);
  rig.says(frame(1, 4, "\0\x0a\4"sv));
  EXPECT_EQ(rig.heard(), frame(16, 1, "m15") + frame(17, 1, "\0\x09\x11"sv) + frame(18, 1, "m16") +
                             frame(19, 1, "m17") + frame(20, 1, "m18"));
  EXPECT_LT(rig.link->out().size(), waiting);
}

TEST_F(StableLinkTest, bytes_are_bounded_too_and_whoever_waits_is_told_when_there_is_room) {
  DialedRig& rig = joined({.stable_bytes_max = 8192});
  const std::string large(3000, 'l');
  for (int i = 0; i < 4; ++i) send(*rig.link, large);
  EXPECT_EQ(rig.heard(), frame(0, 0, large) + frame(1, 0, "\0\x09\1"sv) + frame(2, 0, large));
  EXPECT_TRUE(rig.link->is_blocked());
  const int drains = rig.log.drains;
  rig.says(frame(1, 1, "\0\x0a\1"sv));
  rig.says(frame(2, 2, "x"));
  rig.says(frame(3, 4, "x"));
  EXPECT_FALSE(rig.link->is_blocked());
  EXPECT_EQ(rig.log.drains, drains + 1);
}

TEST_F(StableLinkTest, a_large_message_behind_a_smaller_one_asks_for_the_room_that_it_needs) {
  DialedRig& rig = joined({.stable_bytes_max = 4096});
  const std::string large(5000, 'l');
  const std::string smaller(600, 's');
  send(*rig.link, smaller);
  send(*rig.link, large);
  EXPECT_EQ(rig.heard(), frame(0, 0, smaller) + frame(1, 0, "\0\x09\1"sv));
  rig.says(frame(1, 1, "\0\x0a\1"sv));
  EXPECT_EQ(rig.heard(), frame(2, 1, large) + frame(3, 1, "\0\x09\3"sv));
}

// Two ends with full windows would fill them with nothing else: simulator seed 7764.
TEST_F(StableLinkTest, whoever_waits_for_room_does_not_answer_answers) {
  DialedRig& rig = joined({.stable_bytes_max = 4096});
  const std::string large(5000, 'l');
  send(*rig.link, large);
  send(*rig.link, "behind it");
  EXPECT_EQ(rig.heard(), frame(0, 0, large) + frame(1, 0, "\0\x09\1"sv));
  rig.says(frame(1, std::nullopt, "\0\x0a\5"sv));
  EXPECT_EQ(rig.heard(), "");
}

TEST_F(StableLinkTest, whoever_waits_for_room_still_says_what_has_come) {
  // rule: calls/stable.ack
  DialedRig& rig = joined({.stable_bytes_max = 4096});
  const std::string large(5000, 'l');
  send(*rig.link, large);
  send(*rig.link, "behind it");
  EXPECT_EQ(rig.heard(), frame(0, 0, large) + frame(1, 0, "\0\x09\1"sv));
  rig.says(frame(1, std::nullopt, "from a peer that waits as well"));
  EXPECT_EQ(rig.heard(), frame(2, 1, "\0\x09\2"sv));
  // One that only sends gets no more than there is room for.
  std::size_t heard = 1;
  for (std::uint32_t i = 2; i < 100'000 && heard != 0; ++i) {
    rig.says(frame(i, std::nullopt, "x"));
    heard = rig.heard().size();
  }
  EXPECT_EQ(heard, 0u);
  EXPECT_EQ(rig.log.ends, 0);
}

TEST_F(StableLinkTest, control_messages_that_cannot_leave_are_bounded) {
  DialedRig& rig = joined({.control_bytes_max = 1000});
  rig.is_reachable = false;
  rig.peer().end.destroy();
  rig.settle();
  for (int i = 0; i < 10; ++i) send_control(*rig.link, std::string(96, 'c'));
  rig.settle();
  EXPECT_EQ(rig.log.ends, 0);
  send_control(*rig.link, "one too many");
  rig.settle();
  EXPECT_EQ(end_of(rig), Code::outbound_full);
  EXPECT_EQ(rig.link->out().size() + rig.link->control().size(), 0u);
}

TEST_F(StableLinkTest, descriptors_are_refused) {
  DialedRig& rig = joined();
  EXPECT_EQ(rig.link->attach({}).error().code, Code::unsupported);
  EXPECT_EQ(rig.link->claim_descriptor(0).error().code, Code::unsupported);
}

}  // namespace
}  // namespace parley::runtime
