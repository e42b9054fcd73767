#include <gtest/gtest.h>

#include "codec/json.h"
#include "hub/hub_suite.h"

// Who may do what at a hub.
namespace parley::hub {
namespace {

using namespace runtime::suite;
using namespace suite;
using builtin::Directory;
using BuiltinHub = builtin::Hub;

constexpr std::string_view ci_secret = "the secret of the token ci";
constexpr std::string_view robot_secret = "the secret of the token robot";
constexpr std::string_view wrong_secret = "a secret that nobody is known by";

core::Policy policy_of(std::initializer_list<const char*> rules) {
  core::Policy policy;
  for (const char* rule : rules) EXPECT_TRUE(policy.add(core::Rule::parse(rule).value())) << rule;
  return policy;
}

core::Tokens tokens() {
  core::Tokens both;
  EXPECT_TRUE(both.add("ci", ci_secret));
  EXPECT_TRUE(both.add("robot", robot_secret));
  return both;
}

io::Peer::Credentials user(std::uint32_t uid) { return {.pid = 4711, .uid = uid, .gid = 1}; }

SessionOptions with_token(std::string_view secret, SessionOptions options = {}) {
  options.metadata.add(std::string(wire::roam::names::token), std::string(secret), Metadata::sensitive);
  return options;
}

class PolicyWorld : public HubWorld {
 public:
  using HubWorld::HubWorld;

  std::unique_ptr<Party> as(std::string_view secret, SessionOptions options = {}) {
    return party(with_token(secret, std::move(options)));
  }
  std::string end_of(const Party& party) {
    if (!party.session->has_ended()) return "goes on";
    return party.session->end_reason() ? party.session->end_reason()->note : "ended in good order";
  }
  Result<std::int64_t> add(Party& client, std::string_view name) {
    auto call = client.client(name).call<&Probe::add>(1, 2);
    const auto sum = outcome_of(call);
    if (sum) return *sum;
    return fail(sum.error());
  }
  std::vector<std::string> listed(Party& client) {
    auto call = client.client<Directory>(builtin::directory_name).call<&Directory::list>();
    std::vector<std::string> names;
    for (const builtin::DirectoryEntry& entry : outcome_of(call).value()) names.push_back(entry.name);
    return names;
  }
  Result<void> offer(Party& worker, std::string name) {
    auto call = worker.client<Directory>(builtin::directory_name).call<&Directory::offer>(probe_offer(std::move(name)));
    const auto offered = outcome_of(call);
    if (!offered) return fail(offered.error());
    return {};
  }
  std::vector<builtin::SessionEntry> who(Party& client) {
    auto call = client.client<BuiltinHub>(builtin::hub_name).call<&BuiltinHub::who>();
    return outcome_of(call).value();
  }
  Result<builtin::Refusals> audit(Party& client) {
    auto call = client.client<BuiltinHub>(builtin::hub_name).call<&BuiltinHub::refusals>();
    const auto all = outcome_of(call);
    if (all) return *all;
    return fail(all.error());
  }
  std::vector<std::string> lines(Party& client) {
    std::vector<std::string> all;
    for (const builtin::Refusal& each : audit(client).value().refusals) {
      all.push_back(each.principal + " " + each.verb + " " + each.name + " x" + std::to_string(each.times));
    }
    return all;
  }
};

// --- who comes in

TEST(PolicyDoor, by_itself_a_hub_is_there_for_its_own_process) {
  PolicyWorld at;
  EXPECT_TRUE(at.stranger()->session->is_established());
  auto other = at.stranger({}, user(1000));
  EXPECT_TRUE(other->session->has_ended());
  EXPECT_EQ(at.hub->door().strangers, 1u);
}

TEST(PolicyDoor, users_whom_no_rule_names_are_closed_out_before_a_byte_is_read) {
  PolicyWorld at({.policy = policy_of({"uid:1000 * **", "* see **"})});
  EXPECT_TRUE(at.stranger({}, user(1000))->session->is_established());
  EXPECT_TRUE(at.stranger({}, user(1001))->session->has_ended());
  EXPECT_TRUE(at.stranger()->session->has_ended()) << "for whom nobody vouches";
  EXPECT_EQ(at.hub->door().strangers, 2u);
  EXPECT_EQ(at.hub->door().accepted, 1u);
}

TEST(PolicyDoor, a_token_lets_in_whom_the_system_does_not_vouch_for) {
  PolicyWorld at({.policy = policy_of({"uid:1000 * **", "token:ci see **"}), .tokens = tokens()});
  auto bytes = SessionOptions{};
  bytes.metadata.add(std::string(wire::roam::names::token),
                     std::vector<std::uint8_t>(ci_secret.begin(), ci_secret.end()));
  for (auto options : {with_token(ci_secret), bytes}) {
    for (const auto& as : {std::optional<io::Peer::Credentials>(), std::optional(user(1001))}) {
      auto party = at.stranger(options, as);
      ASSERT_TRUE(party->session->is_established()) << at.end_of(*party);
      EXPECT_EQ(at.who(*party).at(0).principal, "token:ci");
    }
  }
  EXPECT_EQ(at.hub->door().accepted, 4u);
  EXPECT_EQ(at.hub->door().tokens_missing + at.hub->door().tokens_wrong + at.hub->door().strangers, 0u);
}

TEST(PolicyDoor, whoever_brings_no_token_is_told_to_bring_one) {
  PolicyWorld at({.policy = policy_of({"uid:1000 * **"}), .tokens = tokens()});
  auto nobody = at.stranger();
  EXPECT_NE(at.end_of(*nobody).find("no rule of this hub names process:self, and no token came: give one"),
            std::string::npos)
      << at.end_of(*nobody);
  EXPECT_EQ(nobody->session->end_reason()->code, Code::permission);
  auto other = at.stranger({}, user(1001));
  EXPECT_NE(at.end_of(*other).find("no rule of this hub names uid:1001, and no token came"), std::string::npos);
  EXPECT_EQ(at.hub->door().tokens_missing, 2u);
  EXPECT_EQ(at.hub->door().strangers, 0u);
  EXPECT_EQ(at.hub->session_count(), 0u);
}

TEST(PolicyDoor, a_wrong_token_is_refused_whoever_brings_it) {
  PolicyWorld at({.policy = policy_of({"uid:1000 * **"}), .tokens = tokens()});
  auto number = SessionOptions{};
  number.metadata.add(std::string(wire::roam::names::token), std::uint64_t{7});
  for (auto options : {with_token(wrong_secret), with_token(""), with_token(ci_secret.substr(1)), number}) {
    auto party = at.stranger(options);
    EXPECT_NE(at.end_of(*party).find("the token is none of this hub's: give another one"), std::string::npos)
        << at.end_of(*party);
  }
  auto owner = at.stranger(with_token(wrong_secret), user(1000));
  EXPECT_NE(at.end_of(*owner).find("or none, to come in as uid:1000"), std::string::npos);
  EXPECT_EQ(at.hub->door().tokens_wrong, 5u);
}

TEST(PolicyDoor, a_token_counts_and_not_the_user_where_both_are_there) {
  PolicyWorld at({.policy = policy_of({"uid:1000 * **", "token:ci call Nothing"}), .tokens = tokens()});
  auto worker = at.stranger(offering({probe_offer()}), user(1000));
  auto client = at.stranger(with_token(ci_secret), user(1000));
  EXPECT_EQ(at.who(*client).at(0).principal, "token:ci");
  EXPECT_EQ(at.who(*client).at(0).uid, 1000u);
  EXPECT_EQ(at.add(*client, "Probe").error().code, Code::not_found) << "which uid:1000 may call";
}

TEST(PolicyDoor, nothing_that_a_refused_session_asks_for_is_done) {
  PolicyWorld at({.policy = policy_of({"process:self * **"}), .tokens = tokens()});
  auto refused = at.stranger(with_token(wrong_secret, offering({probe_offer()})));
  EXPECT_TRUE(refused->session->has_ended());
  EXPECT_EQ(at.hub->directory().size(), 0u);
  EXPECT_TRUE(at.listed(*at.party()).empty());
}

TEST(PolicyDoor, tcp_needs_tokens_or_certificates) {
  PolicyWorld without;
  const auto refused = without.hub->listen("tcp:127.0.0.1:0");
  EXPECT_EQ(refused.error().code, Code::refused);
  EXPECT_NE(refused.error().note.find("--token-file NAME=PATH"), std::string::npos);
  EXPECT_NE(refused.error().note.find("rules for certificate:NAME"), std::string::npos);
  PolicyWorld certain({.policy = policy_of({"process:self * **", "certificate:worker-7 offer **"})});
  EXPECT_EQ(certain.hub->listen("tcp:127.0.0.1:0").error().code, Code::unsupported);
  PolicyWorld with({.tokens = tokens()});
  EXPECT_EQ(with.hub->listen("tcp:127.0.0.1:0").error().code, Code::unsupported)
      << "of this loop, which has no network";
}

// --- what they may

class PolicyTest : public testing::Test {
 protected:
  PolicyWorld at{{.policy = policy_of({"process:self * **", "token:ci call,see Probe", "token:ci see shown.**",
                                       "token:ci offer ci.*", "token:robot operate parley.Hub"}),
                  .tokens = tokens()}};
  std::unique_ptr<Party> worker =
      at.worker({probe_offer("Probe"), probe_offer("shown.Probe"), probe_offer("secret.Probe")});
  std::unique_ptr<Party> ci = at.as(ci_secret);
};

TEST_F(PolicyTest, a_name_that_one_may_call_is_called) {
  EXPECT_EQ(at.add(*ci, "Probe").value(), 3);
  EXPECT_EQ(worker->probe.calls, 1);
}

TEST_F(PolicyTest, a_name_that_one_may_see_and_not_call_is_not_permitted) {
  EXPECT_EQ(at.add(*ci, "shown.Probe").error(),
            (Error{Code::permission,
                   "token:ci may not call \"shown.Probe\"; a rule that allows it: token:ci call shown.Probe"}));
  EXPECT_EQ(worker->probe.calls, 0);
  EXPECT_TRUE(ci->session->is_established());
}

TEST_F(PolicyTest, a_name_that_one_may_not_see_answers_as_one_that_is_not_there) {
  const auto hidden = at.add(*ci, "secret.Probe").error();
  worker.reset();
  at.world.settle();
  ASSERT_EQ(at.hub->directory().size(), 0u);
  worker = at.worker({probe_offer("Probe"), probe_offer("shown.Probe")});
  EXPECT_EQ(at.add(*ci, "secret.Probe").error(), hidden);
  EXPECT_EQ(hidden.code, Code::not_found);
  EXPECT_EQ(at.add(*at.party(), "secret.Probe").error().code, Code::not_found);
}

TEST_F(PolicyTest, lists_have_what_one_may_see) {
  EXPECT_EQ(at.listed(*ci), (std::vector<std::string>{"Probe", "shown.Probe"}));
  EXPECT_EQ(at.listed(*worker).size(), 3u);
  EXPECT_TRUE(at.listed(*at.as(robot_secret)).empty());
}

TEST_F(PolicyTest, names_are_offered_by_those_who_may) {
  EXPECT_TRUE(at.offer(*ci, "ci.Probe"));
  EXPECT_EQ(at.offer(*ci, "other.Probe").error(),
            (Error{Code::permission,
                   "token:ci may not offer \"other.Probe\"; a rule that allows it: token:ci offer other.Probe"}));
  EXPECT_FALSE(at.hub->directory().has("other.Probe"));
  EXPECT_EQ(at.listed(*ci), (std::vector<std::string>{"Probe", "ci.Probe", "shown.Probe"}))
      << "whoever offers a name sees it";
  EXPECT_EQ(at.add(*ci, "ci.Probe").error().code, Code::permission) << "and may not call it for that";
}

TEST_F(PolicyTest, an_offer_in_the_hello_that_is_not_permitted_costs_the_session) {
  EXPECT_TRUE(at.as(ci_secret, offering({probe_offer("ci.Probe")}))->session->is_established());
  auto refused = at.stranger(with_token(ci_secret, offering({probe_offer("ci.Other"), probe_offer("Probe")})));
  EXPECT_NE(at.end_of(*refused).find("token:ci may not offer \"Probe\""), std::string::npos) << at.end_of(*refused);
  EXPECT_FALSE(at.hub->directory().has("ci.Other"));
  EXPECT_EQ(at.lines(*worker), (std::vector<std::string>{"token:ci offer Probe x1"}));
}

TEST_F(PolicyTest, a_foreign_client_is_bound_to_what_it_may_call) {
  auto foreign = at.as(ci_secret, {.is_foreign = true});
  auto call = foreign->client("").call<&Probe::add>(1, 2);
  EXPECT_EQ(at.outcome_of(call).value(), 3);
  auto robot = at.as(robot_secret, {.is_foreign = true});
  auto refused = robot->client("").call<&Probe::add>(1, 2);
  EXPECT_EQ(at.outcome_of(refused).error().code, Code::method) << "as if nobody provided it";
  EXPECT_EQ(worker->probe.calls, 1);
  EXPECT_EQ(at.lines(*worker), (std::vector<std::string>{"token:robot call Probe x1"}));
}

TEST_F(PolicyTest, the_hub_is_asked_about_others_by_those_who_operate_it) {
  auto robot = at.as(robot_secret);
  EXPECT_EQ(at.who(*robot).size(), 3u);
  EXPECT_TRUE(at.audit(*robot));
  ASSERT_EQ(at.who(*ci).size(), 1u);
  EXPECT_EQ(at.who(*ci)[0].principal, "token:ci");
  EXPECT_EQ(at.audit(*ci).error(),
            (Error{Code::permission,
                   "token:ci may not operate \"parley.Hub\"; a rule that allows it: token:ci operate parley.Hub"}));
  auto counters = ci->client<BuiltinHub>(builtin::hub_name).call<&BuiltinHub::counters>();
  EXPECT_EQ(at.outcome_of(counters).error().code, Code::permission);
}

TEST_F(PolicyTest, the_root_is_no_way_around) {
  auto foreign = at.as(ci_secret, {.is_foreign = true});
  auto audit = foreign->client<BuiltinHub>("").call<&BuiltinHub::refusals>();
  EXPECT_FALSE(at.outcome_of(audit));
  auto offer = foreign->client<Directory>("").call<&Directory::offer>(probe_offer("other.Probe"));
  EXPECT_FALSE(at.outcome_of(offer));
  EXPECT_FALSE(at.hub->directory().has("other.Probe"));
  EXPECT_EQ(at.lines(*worker),
            (std::vector<std::string>{"token:ci operate parley.Hub x1", "token:ci offer other.Probe x1"}));
}

// --- what is written down

TEST_F(PolicyTest, refusals_are_written_down_with_who_what_and_why) {
  EXPECT_FALSE(at.add(*ci, "shown.Probe"));
  EXPECT_FALSE(at.add(*ci, "secret.Probe"));
  EXPECT_FALSE(at.add(*ci, "nobody.provides.this"));
  EXPECT_FALSE(at.offer(*ci, "other.Probe"));
  EXPECT_FALSE(at.add(*ci, "shown.Probe"));
  auto nobody = at.stranger({}, user(1001));
  EXPECT_EQ(at.lines(*worker),
            (std::vector<std::string>{"token:ci call secret.Probe x1", "token:ci offer other.Probe x1",
                                      "token:ci call shown.Probe x2", "uid:1001   x1"}));
  const auto all = at.audit(*worker).value();
  EXPECT_EQ(all.dropped, 0u);
  EXPECT_EQ(all.refusals[0].peer, "mem:hub");
  EXPECT_EQ(all.refusals[0].reason,
            "token:ci may not call \"secret.Probe\"; a rule that allows it: token:ci call secret.Probe");
  EXPECT_EQ(all.refusals[3].peer, "mem:hub (process 4711)");
  EXPECT_NE(all.refusals[3].reason.find("no token came"), std::string::npos);
}

TEST(PolicyAudit, is_bounded_and_counts_what_it_dropped) {
  PolicyWorld at({.policy = policy_of({"process:self see,operate **"}), .refusals_max = 2});
  auto party = at.party();
  for (const char* name : {"a", "a", "a", "b", "c", "c"}) EXPECT_FALSE(at.offer(*party, name));
  EXPECT_EQ(at.lines(*party), (std::vector<std::string>{"process:self offer b x1", "process:self offer c x2"}));
  EXPECT_EQ(at.audit(*party).value().dropped, 3u);
}

TEST(PolicyAudit, of_one_who_floods_it_leaves_what_is_known_of_others) {
  PolicyWorld at({.policy = policy_of({"process:self see,operate **", "uid:1001 see **"}), .refusals_max = 3});
  auto quiet = at.stranger({}, user(1001));
  EXPECT_FALSE(at.offer(*quiet, "q"));
  auto loud = at.party();
  for (const char* name : {"a", "b", "c", "d", "e"}) EXPECT_FALSE(at.offer(*loud, name));
  EXPECT_EQ(at.lines(*loud),
            (std::vector<std::string>{"uid:1001 offer q x1", "process:self offer d x1", "process:self offer e x1"}));
}

TEST_F(PolicyTest, no_secret_ever_appears) {
  auto wrong = at.stranger(with_token(wrong_secret));
  std::string all = at.end_of(*wrong);
  auto also_wrong = at.stranger(with_token(wrong_secret), user(1000));
  all += at.end_of(*also_wrong);
  all += to_string(at.add(*ci, "shown.Probe").error()) + to_string(at.offer(*ci, "x").error()) +
         to_string(at.audit(*ci).error());
  all += codec::to_json(at.who(*worker)) + codec::to_json(at.audit(*worker).value());
  auto counters = worker->client<BuiltinHub>(builtin::hub_name).call<&BuiltinHub::counters>();
  all += codec::to_json(at.outcome_of(counters).value());
  all += to_string(with_token(ci_secret).metadata);
  EXPECT_NE(all.find("token:ci"), std::string::npos);
  for (const std::string_view secret : {ci_secret, robot_secret, wrong_secret}) {
    EXPECT_EQ(all.find(secret), std::string::npos) << all;
    EXPECT_EQ(all.find(secret.substr(secret.size() / 2)), std::string::npos) << all;
  }
}

}  // namespace
}  // namespace parley::hub
