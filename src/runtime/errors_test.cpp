#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// How calls fail on the wire, both ways: the bytes of each kind of error, with and without what only Parley knows.
namespace parley::runtime {
namespace {

using namespace suite;
using testing::ElementsAre;
using testing::HasSubstr;

std::uint64_t id_of_add() { return service::MethodInfo<&Probe::add>::id; }

// --- what we answer

TEST(Errors, each_kind_of_failure_has_its_bytes) {
  // rule: calls/rpc.fallible.roam-error
  // rule: calls/rpc.response
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::divide>(1, {}, std::int64_t{10}, std::int64_t{2}),
                      say::call_of<&Probe::divide>(3, {}, std::int64_t{10}, std::int64_t{0}), say::call(5, 12345, {}),
                      say::call(7, id_of_add(), {0x02}), say::call_of<&Probe::refuse>(9, {}, 4000u, std::string("no")));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 000a", "response 3 010000", "response 5 0101",
                                                  HasSubstr("response 7 {parley-error=2001 parley-note="),
                                                  "response 9 {parley-error=4000 parley-note=\"no\"} 0103"));
  EXPECT_EQ(scripted.counters().methods_unknown, 1u);
  EXPECT_EQ(scripted.counters().arguments_malformed, 1u);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(Errors, a_foreign_caller_is_told_nothing_that_only_parley_knows) {
  Scripted scripted({.is_peer_foreign = true});
  scripted.peer->says(say::call(2, 12345, {}), say::call(4, id_of_add(), {0x02}),
                      say::call_of<&Probe::refuse>(6, {}, 4000u, std::string("no")),
                      say::call_of<&Probe::blow_up>(8, {}, std::string("bang"), false),
                      say::call_of<&Probe::hang>(10, {}, std::string("x")), say::cancel(10));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 2 0101", "response 4 0102", "response 6 0103",
                                                  "response 8 0103", "response 10 0103"));
  EXPECT_EQ(scripted.counters().handlers_threw, 1u);
}

TEST(Errors, bytes_behind_the_arguments_are_malformed) {
  Scripted scripted;
  scripted.peer->says(say::call(1, id_of_add(), {2, 4, 9}), say::call(3, id_of_add(), {}),
                      say::call(5, id_of_add(), {2, 4}));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre(testing::EndsWith("0102"), testing::EndsWith("0102"), "response 5 0006"));
  EXPECT_EQ(scripted.counters().arguments_malformed, 2u);
}

// --- what we make of answers

class Answers : public testing::Test {
 protected:
  Result<std::int64_t> add(const Octets& result, const Metadata& metadata = {}) {
    auto call = scripted.client().call<&Probe::add>(1, 2);
    scripted.world.settle();
    scripted.peer->says(say::response(call.id(), result, metadata));
    return scripted.world.run(outcome(call));
  }
  CallResult<std::int64_t, MathError> divide(const Octets& result) {
    auto call = scripted.client().call<&Probe::divide>(1, 2);
    scripted.world.settle();
    scripted.peer->says(say::response(call.id(), result));
    return scripted.world.run(outcome(call));
  }
  Scripted scripted;
};

TEST_F(Answers, the_four_kinds_of_error_are_told_apart) {
  // rule: calls/rpc.fallible.roam-error
  // rule: calls/weakness.16
  EXPECT_EQ(add({0, 6}).value(), 3);
  EXPECT_EQ(add({1, 1}).error(), (Error{Code::method, ""}));
  EXPECT_EQ(add({1, 2}).error(), (Error{Code::arguments, ""}));
  EXPECT_EQ(add({1, 3}).error(), (Error{Code::cancelled, ""}));
  EXPECT_EQ(*divide({0, 6}), 3);
  EXPECT_EQ(*divide({1, 0, 1}).own(), MathError::overflow);
  EXPECT_EQ(divide({1, 1}).error()->code, Code::method);
  EXPECT_EQ(divide({1, 3}).error()->code, Code::cancelled);
}

TEST_F(Answers, the_error_of_a_parley_peer_has_its_code_and_note) {
  const Metadata metadata = {{"parley-error", std::uint64_t{5001}}, {"parley-note", "later"}};
  EXPECT_EQ(add({1, 3}, metadata).error(), (Error{Code::too_many_calls, "later"}));
  EXPECT_EQ(add({1, 2}, {{"parley-error", std::uint64_t{2001}}, {"parley-note", "the second"}}).error(),
            (Error{Code::arguments, "the second"}));
  // A code of another type or beyond any code is none.
  EXPECT_EQ(add({1, 3}, {{"parley-error", "5001"}}).error().code, Code::cancelled);
  EXPECT_EQ(add({1, 3}, {{"parley-error", std::uint64_t{1} << 40}}).error().code, Code::cancelled);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(Errors, a_result_that_does_not_fit_is_one_response) {
  // rule: calls/rpc.response.one-per-request
  Scripted scripted({.session = {.limits = {.frame_bytes_max = 1000}}});
  scripted.peer->says(say::call_of<&Probe::repeat>(1, {}, std::string(100, 'x'), std::uint32_t{11}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=2004 parley-note=\"the result\"} 0103"));
  EXPECT_EQ(scripted.counters().responses_sent, 1u);
}

TEST_F(Answers, the_code_of_an_error_that_is_no_code_stands_for_the_kind_of_the_response) {
  for (const std::uint64_t code : {(std::uint64_t{1} << 32) + 2000, std::uint64_t{1} << 32, std::uint64_t{7}}) {
    EXPECT_EQ(add({1, 3}, {{"parley-error", code}}).error().code, Code::cancelled);
    EXPECT_EQ(add({1, 1}, {{"parley-error", code}}).error().code, Code::method);
  }
}

TEST_F(Answers, a_result_that_does_not_decode_fails_its_call_alone) {
  // rule: calls/rpc.error.scope
  for (const Octets& malformed : {Octets{}, Octets{0}, Octets{0, 6, 6}, Octets{2}, Octets{1}, Octets{1, 4},
                                  Octets{1, 9}, Octets{1, 0}, Octets{1, 0, 0}, Octets{0, 0xff}}) {
    const auto answer = add(malformed);
    ASSERT_FALSE(answer.has_value()) << hex(malformed);
    EXPECT_EQ(answer.error().code, Code::response) << hex(malformed);
  }
  for (const Octets& malformed : {Octets{1, 0}, Octets{1, 0, 2}, Octets{1, 0, 0, 0}, Octets{0}}) {
    const auto answer = divide(malformed);
    ASSERT_NE(answer.error(), nullptr) << hex(malformed);
    EXPECT_EQ(answer.error()->code, Code::response) << hex(malformed);
  }
  EXPECT_EQ(scripted.counters().results_malformed, 14u);
  EXPECT_FALSE(scripted.session->has_ended());
  EXPECT_EQ(add({0, 6}).value(), 3);
}

TEST_F(Answers, a_response_with_channels_is_read_past_them) {
  auto call = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  // A list that is not empty is nonsense in a response; its ids mean nothing.
  scripted.peer->says(octets({{0, 7}, varint(call.id()), {1, 2, 7, 9, 0, 0, 6}}));
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), 3);
}

}  // namespace
}  // namespace parley::runtime
