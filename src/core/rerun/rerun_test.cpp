#include "core/rerun/rerun.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/records/records_suite.h"

namespace parley::core {
namespace {

using namespace wire::records::suite;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::records::From;
using wire::records::Record;
using wire::roam::octets;
using wire::roam::varint;

// A rerun, and a server that says what the test says.
class Played {
 public:
  explicit Played(std::vector<Record> recording, RerunOptions options = {}, bool is_described = true)
      : recording_(std::move(recording)) {
    if (is_described) catalog_.add("Calculator", calculator()).value();
    rerun.emplace(recording_, catalog_, std::move(options));
  }
  // What is said until something is waited for: "open 1", the message in hex, "finish 1".
  std::vector<std::string> said() {
    std::vector<std::string> all;
    while (const auto action = rerun->next()) {
      using enum Rerun::Action::What;
      if (action->what == say) {
        all.push_back(wire::roam::hex(action->message));
      } else {
        all.push_back((action->what == open ? "open " : "finish ") + std::to_string(action->session));
      }
    }
    return all;
  }
  std::vector<std::string> hear(const Octets& message, std::uint64_t session = 1) {
    rerun->on_message(session, message);
    return said();
  }
  std::vector<std::string> differences() const {
    std::vector<std::string> all;
    for (const auto& one : rerun->differences()) all.push_back(one.what + ": " + one.recorded + " / " + one.now);
    return all;
  }

 private:
  std::vector<Record> recording_;
  wire::roam::Catalog catalog_;

 public:
  std::optional<Rerun> rerun;
};

std::string hex(const Octets& message) { return wire::roam::hex(message); }
Octets divide(std::uint64_t id) { return call(id, divide_id, values(std::int64_t{6}, std::int64_t{2})); }
Octets result(std::uint64_t id, std::int64_t value) { return response(id, octets({{0}, values(value)})); }

// hello, one call, its response, another call, its response, the end
std::vector<Record> two_calls() {
  Script script;
  script.client(hello()).server(hello_yourself());
  script.client(divide(1)).server(result(1, 3)).client(divide(3)).server(result(3, 4)).end(From::client);
  return script.records;
}

TEST(Rerun, what_followed_a_response_waits_for_it) {
  Played played(two_calls());
  EXPECT_THAT(played.said(), ElementsAre("open 1", hex(hello())));
  EXPECT_THAT(played.rerun->awaited(), HasSubstr("the answer to the hello"));
  EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(divide(1))));
  EXPECT_THAT(played.said(), IsEmpty());
  EXPECT_THAT(played.rerun->awaited(), HasSubstr("a response (session 1, connection 0, id 1)"));
  EXPECT_THAT(played.hear(result(1, 3)), ElementsAre(hex(divide(3))));
  EXPECT_FALSE(played.rerun->is_done());
  EXPECT_THAT(played.hear(result(3, 4)), ElementsAre("finish 1"));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
  EXPECT_EQ(played.rerun->compared(), 3u);
}

TEST(Rerun, another_result_is_a_difference_and_nothing_stops) {
  Played played(two_calls());
  played.said();
  played.hear(hello_yourself());
  EXPECT_THAT(played.hear(result(1, 5)), ElementsAre(hex(divide(3))));
  played.hear(result(3, 4));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(),
              ElementsAre("the response of Calculator.divide: response 1         Calculator.divide = 3 / "
                          "response 1         Calculator.divide = 5"));
}

TEST(Rerun, responses_may_come_in_another_order) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(divide(1)).client(divide(3));
  script.server(result(1, 3)).server(result(3, 4));
  Played played(script.records);
  played.said();
  EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(divide(1)), hex(divide(3))));
  played.hear(result(3, 4));
  played.hear(result(1, 3));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, credit_pings_and_volatile_metadata_are_not_compared) {
  Script script;
  script.client(hello()).server(hello_yourself()).client({0, 9, 7}).client(divide(1));
  const auto with = [](std::string_view key, std::uint8_t value, std::int64_t result) {
    return octets({{0, 7, 1, 1, 0, 1, static_cast<std::uint8_t>(key.size())},
                   {key.begin(), key.end()},
                   {2, value, 0},
                   {0},
                   values(result)});
  };
  script.server({0, 10, 7}).server(credit(1, 5)).server(with("parley-remaining-us", 9, 3));
  {
    Played played(script.records);
    played.said();
    EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(divide(1))));  // the ping is nobody's any more
    EXPECT_THAT(played.hear({0, 9, 4}), ElementsAre(hex({0, 10, 4})));        // and this one is answered
    played.hear(with("traceparent", 1, 3));
    EXPECT_TRUE(played.rerun->is_done());
    EXPECT_THAT(played.differences(), IsEmpty());
  }
  Played other(script.records);
  other.said();
  other.hear(hello_yourself());
  other.hear(with("cost", 1, 3));
  EXPECT_THAT(other.differences(), ElementsAre(HasSubstr("[cost=1]")));
}

TEST(Rerun, what_leads_nowhere_is_no_progress) {
  Played played(two_calls());
  played.said();
  played.hear(hello_yourself());
  const std::uint64_t before = played.rerun->progress();
  for (const Octets& message : {Octets{0, 9, 4}, Octets{0, 10, 4}, credit(5, 16), item(5, {1}), Octets{0, 99}}) {
    played.hear(message);
    EXPECT_EQ(played.rerun->progress(), before) << hex(message);
  }
  played.hear(result(1, 3));
  EXPECT_GT(played.rerun->progress(), before);
}

Octets on(std::uint8_t connection, Octets message) {
  message[0] = connection;
  return message;
}
Octets letters(std::string_view text) { return {text.begin(), text.end()}; }
const Octets open_calculator =
    octets({{3, 3, 0, 64, 1, 14}, letters("parley-service"), {0, 10}, letters("Calculator"), {0}});
const Octets accept = {3, 4, 1, 64, 0};
const Octets reject = {3, 5, 0};

// A call on the root, and two on a connection of its own, the second with a stream.
Script calls_on_a_connection() {
  Script script;
  script.client(hello()).server(hello_yourself()).client(open_calculator).server(accept);
  script.client(on(3, divide(1))).server(on(3, result(1, 3)));
  script.client(on(3, call(3, sum_id, {}, {5}))).client(on(3, item(5, values(std::int32_t{1}))));
  script.client(on(3, close(5))).server(on(3, result(3, 1))).client(divide(1)).server(result(1, 3));
  return script;
}

TEST(Rerun, on_a_rejected_connection_nothing_is_said_and_awaited) {
  Played played(calls_on_a_connection().records);
  played.said();
  played.hear(hello_yourself());
  EXPECT_THAT(played.hear(reject), ElementsAre(hex(divide(1)))) << "other connections go on";
  played.hear(result(1, 3));
  EXPECT_TRUE(played.rerun->is_done());
  const std::string nothing = "nothing, because the connection is rejected";
  EXPECT_THAT(played.differences(),
              ElementsAre(HasSubstr("connection-reject"),
                          "the response of Calculator.divide: response 1         Calculator.divide = 3 / " + nothing,
                          "the response of Calculator.sum: response 3         Calculator.sum = 1 / " + nothing));
  EXPECT_THAT(played.rerun->rejected_names(), ElementsAre("Calculator"));
  EXPECT_FALSE(played.rerun->is_turned_away());
}

TEST(Rerun, a_call_that_was_said_before_the_rejection_is_not_waited_for) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(open_calculator).client(on(3, divide(1)));
  script.server(accept).server(on(3, result(1, 3)));
  Played played(script.records);
  played.said();
  EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(open_calculator), hex(on(3, divide(1)))));
  played.hear(reject);
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_EQ(played.rerun->differences().size(), 2u);
}

TEST(Rerun, a_rejected_connection_that_is_opened_again_is_waited_for) {
  Script script = calls_on_a_connection();
  script.client(open_calculator).server(accept).client(on(3, divide(1))).server(on(3, result(1, 3)));
  Played played(script.records);
  played.said();
  played.hear(hello_yourself());
  played.hear(reject);
  EXPECT_THAT(played.hear(result(1, 3)), ElementsAre(hex(open_calculator)));
  EXPECT_THAT(played.hear(accept), ElementsAre(hex(on(3, divide(1)))));
  EXPECT_FALSE(played.rerun->is_done());
  played.hear(on(3, result(1, 3)));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_EQ(played.rerun->differences().size(), 3u);
}

TEST(Rerun, a_connection_that_was_rejected_before_too_is_the_same) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(open_calculator).server(reject).client(divide(1));
  script.server(result(1, 3));
  Played played(script.records);
  played.said();
  played.hear(hello_yourself());
  EXPECT_THAT(played.hear(reject), ElementsAre(hex(divide(1))));
  EXPECT_THAT(played.differences(), IsEmpty());
  EXPECT_THAT(played.rerun->rejected_names(), IsEmpty());
}

TEST(Rerun, who_is_refused_behind_the_hello_is_turned_away) {
  Played played(two_calls());
  played.said();
  played.hear({0, 2, 2, 'n', 'o'});
  EXPECT_TRUE(played.rerun->is_turned_away());
  Played answered(two_calls());
  answered.said();
  answered.hear(hello_yourself());
  answered.hear({0, 2, 2, 'n', 'o'});
  EXPECT_TRUE(answered.rerun->is_turned_away());
  Played later(two_calls());
  later.said();
  later.hear(hello_yourself());
  later.hear(result(1, 3));
  later.hear({0, 2, 2, 'n', 'o'});
  EXPECT_FALSE(later.rerun->is_turned_away());
}

std::vector<Record> summing(std::size_t before_credit, std::size_t after_credit) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(call(1, sum_id, {}, {5}));
  for (std::size_t i = 0; i < before_credit; ++i) script.client(item(5, values(std::int32_t{1})));
  script.server(credit(5, 16));
  for (std::size_t i = 0; i < after_credit; ++i) script.client(item(5, values(std::int32_t{1})));
  script.client(close(5)).server(result(1, 7));
  return script.records;
}

TEST(Rerun, items_wait_for_the_credit_of_now) {
  Played played(summing(2, 20));
  played.said();
  // The call, and as many items as the description allows, whatever was granted when in the recording.
  EXPECT_EQ(played.hear(hello_yourself()).size(), 1u + 16u);
  EXPECT_THAT(played.rerun->awaited(), HasSubstr("credit for the next item"));
  EXPECT_EQ(played.hear(credit(5, 4)).size(), 4u);
  EXPECT_EQ(played.hear(credit(5, 4)).size(), 2u + 1u);
  played.hear(result(1, 7));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, without_a_description_no_more_is_said_than_was_without_credit) {
  Played played(summing(2, 20), {}, false);
  played.said();
  // 22 items with a credit of 16: at least 6 came without.
  EXPECT_EQ(played.hear(hello_yourself()).size(), 1u + 6u);
  EXPECT_EQ(played.hear(credit(5, 16)).size(), 16u + 1u);
}

TEST(Rerun, channels_beyond_the_bound_are_not_remembered_and_stop_nothing) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(call(1, sum_id, {}, {5})).client(call(3, sum_id, {}, {7}));
  script.server(credit(7, 16));
  for (int i = 0; i < 20; ++i) script.client(item(7, values(std::int32_t{1})));
  script.client(call(5, sum_id, {}, {9})).server(result(1, 0));
  Played played(script.records, {.token = std::nullopt, .ignored = {}, .channels_max = 1});
  EXPECT_THAT(played.rerun->left_out(), ElementsAre("session 1 has calls whose channels are not remembered, beyond 1"));
  played.said();
  // Two calls, and the items that were said before credit came; with it all that follows.
  EXPECT_EQ(played.hear(hello_yourself()).size(), 2u + 4u);
  EXPECT_EQ(played.hear(credit(7, 16)).size(), 16u + 1u);
  played.hear(result(1, 0));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, a_call_that_fails_now_leaves_its_channels_alone) {
  Played played(summing(2, 20));
  played.said();
  played.hear(hello_yourself());
  EXPECT_THAT(played.hear(response(1, {1, 2})), ElementsAre(hex(close(5))));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), ElementsAre(HasSubstr("invalid payload")));
}

// A server that sends items on channel 5 of a call that nobody describes.
Script generating() {
  Script script;
  script.client(hello()).server(hello_yourself()).client(call(1, 99, {}, {5}));
  return script;
}

TEST(Rerun, items_are_compared_in_their_order_up_to_the_end) {
  Script script = generating();
  script.server(item(5, {1})).server(item(5, {2})).server(close(5)).server(result(1, 0));
  {
    Played played(script.records);
    played.said();
    played.hear(hello_yourself());
    for (const Octets& message : {item(5, {1}), item(5, {9}), close(5), result(1, 0)}) played.hear(message);
    EXPECT_TRUE(played.rerun->is_done());
    EXPECT_EQ(played.rerun->differences().size(), 1u);
  }
  {
    Played fewer(script.records);
    fewer.said();
    fewer.hear(hello_yourself());
    for (const Octets& message : {close(5), result(1, 0)}) fewer.hear(message);
    EXPECT_TRUE(fewer.rerun->is_done());
    EXPECT_THAT(fewer.differences(), ElementsAre(HasSubstr("and 1 more / the end of the channel")));
  }
  Played more(script.records);
  more.said();
  more.hear(hello_yourself());
  for (const Octets& message : {item(5, {1}), item(5, {2}), item(5, {3}), close(5), result(1, 0)}) more.hear(message);
  EXPECT_THAT(more.differences(), ElementsAre(HasSubstr("the item of")));
}

TEST(Rerun, more_items_than_a_client_waited_for_are_no_difference) {
  Script script = generating();
  script.server(item(5, {1})).client({0, 8, 5, 2, 0}).server(result(1, 0));
  Played played(script.records);
  played.said();
  played.hear(hello_yourself());
  EXPECT_THAT(played.hear(item(5, {1})), ElementsAre(hex({0, 8, 5, 2, 0})));
  played.hear(item(5, {2}));
  played.hear(result(1, 0));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, the_end_of_the_session_ends_what_is_waited_for) {
  Played played(two_calls());
  played.said();
  played.hear(hello_yourself());
  played.rerun->on_end(1, Error{Code::link_lost, "cut"});
  EXPECT_THAT(played.said(), IsEmpty());
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), ElementsAre(HasSubstr("lost: ")));
}

TEST(Rerun, an_end_that_was_recorded_is_waited_for) {
  Script script;
  script.client(hello()).server({0, 2, 2, 'n', 'o'}).end(From::server).end(From::client);
  Played played(script.records);
  played.said();
  EXPECT_THAT(played.hear({0, 2, 2, 'n', 'o'}), IsEmpty());
  EXPECT_THAT(played.rerun->awaited(), HasSubstr("the end of the session"));
  played.rerun->on_end(1, std::nullopt);
  EXPECT_THAT(played.said(), IsEmpty());
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, what_nobody_recorded_is_a_difference) {
  Played played(two_calls());
  played.said();
  played.hear(hello_yourself());
  played.hear({0, 2, 2, 'n', 'o'});
  played.hear({0, 99});
  EXPECT_THAT(played.differences(), ElementsAre(HasSubstr("protocol-error"), HasSubstr("cannot be read")));
}

TEST(Rerun, ignored_methods_may_answer_otherwise) {
  Played played(two_calls(), {.token = std::nullopt, .ignored = {Pattern::parse("Calculator.*").value()}});
  played.said();
  played.hear(hello_yourself());
  played.hear(result(1, 5));
  played.hear(result(3, 5));
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.differences(), IsEmpty());
}

TEST(Rerun, the_token_of_now_takes_the_place_of_the_blanked_one) {
  const std::string key = "parley-token";
  const auto with = [&](std::string_view token, std::uint8_t flags) {
    return octets({{0, 0, 7, 0, 64, 1, 12},
                   {key.begin(), key.end()},
                   {0, static_cast<std::uint8_t>(token.size())},
                   {token.begin(), token.end()},
                   {flags}});
  };
  // A secret that is not passed on, whatever flags the file has.
  for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0, 1, 2, 3}) {
    Script script;
    script.client(with("***", flags)).server(hello_yourself());
    Played told(script.records, {.token = "secret", .ignored = {}});
    EXPECT_THAT(told.said(), ElementsAre("open 1", hex(with("secret", 3)))) << int{flags};
    Played untold(script.records);
    EXPECT_THAT(untold.said(), ElementsAre("open 1", hex(hello())));
  }
}

TEST(Rerun, a_stable_session_is_said_once_whatever_was_cut) {
  const auto of = [](const auto& hello) {
    const auto bytes = wire::roam::stable::encode(hello);
    return Octets(bytes.begin(), bytes.end());
  };
  using wire::roam::stable::ClientHello;
  using wire::roam::stable::Key;
  using wire::roam::stable::ServerHello;
  Script first(1);
  first.client(of(ClientHello{})).server(of(ServerHello{.key = {1}, .last_received = std::nullopt}));
  first.client(octets({{0, 0}, hello()})).server(octets({{0, 0}, hello_yourself()}));
  first.client(octets({{1, 0}, divide(1)})).end(From::client, "cut").end(From::server, "cut");
  Script second(2);
  second.client(of(ClientHello{.key = Key{1}, .last_received = 0}));
  second.server(of(ServerHello{.key = {2}, .last_received = 0}));
  second.client(octets({{1, 0}, divide(1)})).server(octets({{1, 0}, result(1, 3)})).client({}).end(From::client);
  std::vector<Record> all = first.records;
  all.insert(all.end(), second.records.begin(), second.records.end());
  Played played(all);
  EXPECT_EQ(played.rerun->sessions(), 1u);
  EXPECT_THAT(played.said(), ElementsAre("open 1", hex(hello())));
  EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(divide(1))));
  EXPECT_THAT(played.hear(result(1, 3)), ElementsAre("finish 1"));
  EXPECT_THAT(played.differences(), IsEmpty());

  Played cut_off(second.records);
  EXPECT_EQ(cut_off.rerun->sessions(), 0u);
  EXPECT_THAT(cut_off.rerun->left_out(), ElementsAre("session 1 is not said: it began before the recording"));
}

TEST(Rerun, what_the_recording_lacks_ends_what_can_be_said) {
  Script script;
  script.client(hello()).server(hello_yourself());
  script.records.emplace_back(wire::records::LeftOut{1, From::client, 0, 99, "a message that is too long"});
  script.client(divide(1));
  Played played(script.records);
  EXPECT_THAT(played.said(), ElementsAre("open 1", hex(hello())));
  EXPECT_THAT(played.hear(hello_yourself()), IsEmpty());
  EXPECT_TRUE(played.rerun->is_done());
  EXPECT_THAT(played.rerun->left_out(), ElementsAre(HasSubstr("a message that is too long")));
}

TEST(Rerun, a_message_waits_for_what_other_sessions_heard_before_it) {
  Script script;
  script.client(hello()).server(hello_yourself()).client(divide(1));
  Script other(2);
  other.client(hello());
  std::vector<Record> all = script.records;
  all.insert(all.end(), other.records.begin(), other.records.end());
  all.emplace_back(wire::records::Passed{1, From::server, 9, result(1, 3)});
  all.emplace_back(wire::records::Passed{2, From::client, 9, divide(1)});
  Played played(all);
  played.said();
  EXPECT_THAT(played.hear(hello_yourself()), ElementsAre(hex(divide(1)), "open 2", hex(hello())));
  EXPECT_THAT(played.hear(result(1, 3)), ElementsAre(hex(divide(1))));
}

}  // namespace
}  // namespace parley::core
