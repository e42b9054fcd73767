#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "runtime/scripted_peer_suite.h"

// What is overlooked in foreign peers, and what it costs where it is not: each switch by itself, in a whole session.
namespace parley::runtime {
namespace {

using namespace suite;

struct Case {
  bool Leniency::* lenience;
  Code breach;
  // What a peer does that breaks the rule.
  void (*offend)(Scripted& scripted);
};

const Case request_parity{&Leniency::request_parity, Code::request_parity, [](Scripted& scripted) {
                            scripted.peer->says(say::call_of<&Probe::hang>(2, {}, std::string("x")));
                          }};
const Case repeated_responses{&Leniency::repeated_responses, Code::second_response, [](Scripted& scripted) {
                                auto call = scripted.client().call<&Probe::echo>("x");
                                scripted.peer->says(say::response(2, {0, 1, 'x'}));
                                scripted.peer->says(say::response(2, {0, 1, 'y'}));
                                EXPECT_TRUE(call.is_done());
                              }};
const Case items_beyond_credit{&Leniency::items_beyond_credit, Code::item_beyond_credit, [](Scripted& scripted) {
                                 scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}));
                                 for (int i = 0; i < 17; ++i) scripted.peer->put(say::item(1, {2}));
                                 scripted.world.settle();
                               }};
const Case channel_order{&Leniency::channel_order, Code::channel_id, [](Scripted& scripted) {
                           scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {3}),
                                               say::call_of<&Probe::keep_rx>(3, {1}));
                         }};

class LeniencyTest : public testing::TestWithParam<const Case*> {};

TEST_P(LeniencyTest, is_there_unless_it_is_switched_off) {
  for (const bool is_lenient : {true, false}) {
    SessionOptions options;
    options.lenient.*GetParam()->lenience = is_lenient;
    Scripted scripted({.is_peer_foreign = true, .session = options});
    GetParam()->offend(scripted);
    EXPECT_EQ(scripted.session->has_ended(), !is_lenient);
    if (!is_lenient) EXPECT_EQ(scripted.end_reason().code, GetParam()->breach);
  }
}

TEST_P(LeniencyTest, is_not_for_parley_peers) {
  Scripted scripted;
  GetParam()->offend(scripted);
  EXPECT_EQ(scripted.end_reason().code, GetParam()->breach);
}

INSTANTIATE_TEST_SUITE_P(Each, LeniencyTest,
                         testing::Values(&request_parity, &repeated_responses, &items_beyond_credit, &channel_order),
                         [](const auto& each) {
                           if (each.param == &request_parity) return "request_parity";
                           if (each.param == &repeated_responses) return "repeated_responses";
                           return each.param == &items_beyond_credit ? "items_beyond_credit" : "channel_order";
                         });

TEST(LeniencyOfHellos, an_answer_that_claims_our_parity_is_overlooked_unless_it_is_switched_off) {
  for (const bool is_lenient : {true, false}) {
    SessionOptions options;
    options.lenient.hello_parity = is_lenient;
    Scripted scripted({.role = Session::Role::initiator, .shakes_hands = false, .session = options});
    scripted.peer->says(say::hello_yourself(Parity::odd, 64));
    EXPECT_EQ(scripted.session->is_established(), is_lenient);
    if (!is_lenient) EXPECT_EQ(scripted.end_reason().code, Code::request_parity);
  }
}

}  // namespace
}  // namespace parley::runtime
