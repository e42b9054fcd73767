#include "core/policy/policy.h"

#include <gtest/gtest.h>

#include "core/policy/tokens.h"

namespace parley::core {
namespace {

Policy policy_of(std::initializer_list<const char*> rules) {
  Policy policy;
  for (const char* rule : rules) EXPECT_TRUE(policy.add(Rule::parse(rule).value())) << rule;
  return policy;
}

TEST(PrincipalText, is_read_as_it_is_written) {
  for (const char* text :
       {"uid:0", "uid:1000", "uid:4294967295", "token:ci", "token:a.b:c/d", "process:self", "certificate:worker-7"}) {
    EXPECT_EQ(to_string(Principal::parse(text).value()), text);
  }
  EXPECT_EQ(Principal::parse("uid:1000").value(), Principal::of_user(1000));
  EXPECT_EQ(Principal::parse("token:ci").value(), Principal::of_token("ci"));
  EXPECT_EQ(Principal::parse("process:self").value(), Principal::of_own_process());
}

TEST(PrincipalText, that_is_none_says_how_they_look) {
  for (const char* text :
       {"", "*", "1000", "uid:", "uid:-1", "uid:01", "uid:+1", "uid:4294967296", "uid:1x", "uid:root",
        "token:", "token:a b", "Token:ci", "process:other", "certificate:", "certificate:a b", ":", "user:1"}) {
    const auto parsed = Principal::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid);
    EXPECT_NE(parsed.error().note.find("uid:1000"), std::string::npos);
  }
}

TEST(PrincipalOfCertificate, is_its_one_common_name) {
  struct Case {
    const char* subject;
    const char* name;  // null: none
  };
  for (const Case& each : {Case{"CN=worker-7", "worker-7"},
                           Case{"CN=worker-7,O=Example,C=DE", "worker-7"},
                           Case{"O=Example+CN=worker-7,C=DE", "worker-7"},
                           Case{"O=Example\\, Inc.,CN=worker-7", "worker-7"},
                           Case{"", nullptr},
                           Case{"O=Example", nullptr},
                           Case{"CN=a,CN=b", nullptr},
                           Case{"CN=a+CN=a", nullptr},
                           Case{"CN=", nullptr},
                           Case{"CN=a b", nullptr},
                           Case{"CN=\\ a", nullptr},
                           Case{"CN=a\\,b", nullptr},
                           Case{"CN=a\\00", nullptr},
                           Case{"CN=\\C3\\A4", nullptr},
                           Case{"CN=a\\", nullptr},
                           Case{"O=x\\,CN=admin", nullptr},
                           Case{"O=x\\+CN=admin", nullptr},
                           Case{"O=x\\\\,CN=ci", "ci"},
                           Case{"CN=a*", nullptr},
                           Case{"DCN=x", nullptr},
                           Case{"2.5.4.3=#0c0161", nullptr}}) {
    const auto principal = Principal::of_certificate(each.subject);
    ASSERT_EQ(principal.has_value(), each.name != nullptr) << each.subject;
    if (principal) EXPECT_EQ(to_string(*principal), std::string("certificate:") + each.name);
  }
}

TEST(RuleText, is_read_as_it_is_written) {
  for (const char* text :
       {"token:ci see,call build.**", "uid:1000 * **", "* see Desk.*", "token:ci operate parley.Hub"}) {
    EXPECT_EQ(to_string(Rule::parse(text).value()), text);
  }
  EXPECT_EQ(Rule::parse("  *   call,see  ** ").value(),
            (Rule{.principal = std::nullopt, .verbs = {Verb::see, Verb::call}, .pattern = Pattern::everything()}));
}

TEST(RuleText, that_is_none_says_which_word_is_wrong) {
  struct Case {
    const char* text;
    const char* said;
  };
  for (const Case& each : {Case{"", "is no rule"}, Case{"token:ci call", "is no rule"}, Case{"a b c d", "is no rule"},
                           Case{"ci call **", "is no principal"}, Case{"* cal **", "is no verb, which are see, call,"},
                           Case{"* call, **", "is no verb"}, Case{"* call a*", "is no pattern"}}) {
    const auto parsed = Rule::parse(each.text);
    ASSERT_FALSE(parsed) << each.text;
    EXPECT_EQ(parsed.error().code, Code::invalid);
    EXPECT_NE(parsed.error().note.find(each.said), std::string::npos) << parsed.error().note;
  }
}

TEST(PolicyTest, denies_what_no_rule_allows) {
  const Policy policy = policy_of({"token:ci call,see build.**", "token:ci offer build.log", "* see open.*"});
  const Principal ci = Principal::of_token("ci");
  const Principal other = Principal::of_user(7);
  EXPECT_TRUE(policy.allows(ci, Verb::call, "build.x"));
  EXPECT_TRUE(policy.allows(ci, Verb::offer, "build.log"));
  EXPECT_TRUE(policy.allows(ci, Verb::see, "open.door"));
  EXPECT_TRUE(policy.allows(other, Verb::see, "open.door"));
  EXPECT_FALSE(policy.allows(ci, Verb::call, "open.door"));
  EXPECT_FALSE(policy.allows(ci, Verb::offer, "build.x"));
  EXPECT_FALSE(policy.allows(ci, Verb::operate, "build.x"));
  EXPECT_FALSE(policy.allows(other, Verb::call, "build.x"));
  EXPECT_FALSE(Policy().allows(ci, Verb::see, "build.x"));
}

TEST(PolicyTest, by_itself_lets_its_owner_do_everything_and_nobody_else_anything) {
  const Policy policy = Policy::of_owner(Principal::of_user(1000));
  for (int verb = 0; verb <= static_cast<int>(Verb::operate); ++verb) {
    for (const char* name : {"Calculator", "parley.Hub", "a.b/c:d"}) {
      EXPECT_TRUE(policy.allows(Principal::of_user(1000), static_cast<Verb>(verb), name));
      EXPECT_FALSE(policy.allows(Principal::of_user(0), static_cast<Verb>(verb), name));
      EXPECT_FALSE(policy.allows(Principal::of_token("1000"), static_cast<Verb>(verb), name));
    }
  }
}

TEST(PolicyTest, says_who_may_not_do_what_and_which_rule_would_allow_it) {
  Policy policy = policy_of({"token:ci see **"});
  const Principal ci = Principal::of_token("ci");
  const auto refused = policy.check(ci, Verb::call, "Desk.Calculator");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission);
  const std::string_view rule = "token:ci call Desk.Calculator";
  EXPECT_EQ(refused.error().note,
            "token:ci may not call \"Desk.Calculator\"; a rule that allows it: " + std::string(rule));
  ASSERT_TRUE(policy.add(Rule::parse(rule).value()));
  EXPECT_TRUE(policy.check(ci, Verb::call, "Desk.Calculator")) << "it does";
}

TEST(PolicyTest, knows_those_whom_a_rule_names) {
  const Policy policy = policy_of({"uid:1000 see **", "* call Desk"});
  EXPECT_TRUE(policy.knows(Principal::of_user(1000)));
  EXPECT_FALSE(policy.knows(Principal::of_user(1001))) << "of everybody are those who were let in";
  EXPECT_TRUE(policy.concerns(Principal::of_token("ci")));
  EXPECT_FALSE(policy_of({"uid:1000 see **"}).concerns(Principal::of_token("ci")));
}

TEST(PolicyTest, whoever_calls_or_offers_a_name_sees_it) {
  const Policy policy = policy_of({"token:a call A", "token:a offer B", "token:a see C", "token:a operate D"});
  const Rights rights(policy, Principal::of_token("a"));
  for (const char* name : {"A", "B", "C"}) EXPECT_TRUE(rights.sees(name)) << name;
  EXPECT_FALSE(rights.sees("D"));
  EXPECT_FALSE(rights.may(Verb::see, "A"));
}

TEST(PolicyTest, has_a_bounded_number_of_rules_each_with_a_verb) {
  Policy policy;
  EXPECT_EQ(policy.add(Rule{}).error().code, Code::invalid);
  for (std::size_t i = 0; i < Policy::rules_max; ++i) ASSERT_TRUE(policy.add(Rule::parse("* see a").value()));
  EXPECT_EQ(policy.add(Rule::parse("* see a").value()).error().code, Code::overloaded);
  EXPECT_EQ(policy.rules().size(), Policy::rules_max);
}

// --- tokens

constexpr std::string_view secret = "0123456789abcdef";

TEST(TokensTest, a_token_is_found_by_its_whole_secret) {
  Tokens tokens;
  EXPECT_EQ(tokens.find(as_bytes(secret)).name, nullptr);
  ASSERT_TRUE(tokens.add("ci", secret));
  ASSERT_TRUE(tokens.add("robot", "another secret of its own"));
  EXPECT_EQ(*tokens.find(as_bytes(secret)).name, "ci");
  EXPECT_EQ(*tokens.find(as_bytes("another secret of its own")).name, "robot");
  for (const std::string& wrong : {std::string(), std::string(secret.substr(1)), std::string(secret) + "0",
                                   "1" + std::string(secret.substr(1)), std::string(100'000, 'x')}) {
    EXPECT_EQ(tokens.find(as_bytes(wrong)).name, nullptr) << wrong.size();
  }
  EXPECT_EQ(tokens.names(), (std::vector<std::string>{"ci", "robot"}));
}

TEST(TokensTest, all_are_looked_at_whichever_it_is) {
  Tokens tokens;
  const auto secret_of = [](int i) { return "the secret of number " + std::to_string(i); };
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(tokens.add("t" + std::to_string(i), secret_of(i)));
  for (int i = 0; i < 51; ++i) {
    const auto found = tokens.find(as_bytes(secret_of(i)));
    EXPECT_EQ(found.looked_at, 50u);
    EXPECT_EQ(found.name != nullptr, i < 50);
    if (found.name) EXPECT_EQ(*found.name, "t" + std::to_string(i));
  }
}

TEST(TokensTest, that_cannot_be_are_refused_without_their_secret) {
  Tokens tokens;
  ASSERT_TRUE(tokens.add("ci", secret));
  const std::string too_short = "fifteen letters";
  const std::string too_long(Tokens::secret_bytes_max + 1, 'q');
  struct Case {
    std::string name;
    std::string secret;
    const char* said;
  };
  for (const Case& each :
       {Case{"short", too_short, "has 15 bytes, and it takes 16 to 1024"}, Case{"long", too_long, "has 1025 bytes"},
        Case{"none", "", "has 0 bytes"}, Case{"ci", "some other secret", "there are two tokens \"ci\""},
        Case{"a b", "some other secret", "is no name"},
        Case{"twin", std::string(secret), "\"ci\" and \"twin\" have the same secret"}}) {
    const auto added = tokens.add(each.name, each.secret);
    ASSERT_FALSE(added) << each.name;
    EXPECT_EQ(added.error().code, Code::invalid);
    EXPECT_NE(added.error().note.find(each.said), std::string::npos) << added.error().note;
    if (!each.secret.empty()) EXPECT_EQ(added.error().note.find(each.secret), std::string::npos);
  }
  EXPECT_EQ(tokens.names().size(), 1u);
}

TEST(TokensTest, are_bounded) {
  Tokens tokens;
  for (std::size_t i = 0; i < Tokens::count_max; ++i) {
    ASSERT_TRUE(tokens.add("t" + std::to_string(i), "the secret of number " + std::to_string(i)));
  }
  EXPECT_EQ(tokens.add("more", secret).error().code, Code::overloaded);
}

}  // namespace
}  // namespace parley::core
