#include <gtest/gtest.h>

#include <memory>

#include "face/session.h"
#include "hub/hub.h"
#include "runtime/builtin.h"
#include "runtime/world_suite.h"

// Sessions with a hub that come by a token.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::World;

constexpr const char* secret = "the secret of the token ci";

Task<Result<std::vector<builtin::SessionEntry>>> who(Session& session) {
  co_return co_await session.client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::who>();
}

class Token : public testing::Test {
 protected:
  void open_hub() {
    HubOptions options;
    ASSERT_TRUE(options.policy.add(core::Rule::parse("token:ci see **").value()));
    ASSERT_TRUE(options.tokens.add("ci", secret));
    hub = std::make_unique<Hub>(world.loop, std::move(options));
    ASSERT_TRUE(hub->listen("mem:hub"));
  }
  Result<std::unique_ptr<Session>> connected(std::string token, bool redial = false) {
    Options options;
    options.token = std::move(token);
    options.redial = redial;
    return world.run(connect(world.loop, "mem:hub", std::move(options)));
  }
  std::string principal_of(Session& session) { return world.run(who(session)).value().at(0).principal; }

  World world;
  std::unique_ptr<Hub> hub;
};

TEST_F(Token, says_as_whom_a_session_comes) {
  open_hub();
  EXPECT_EQ(principal_of(**connected(secret)), "token:ci");
  EXPECT_EQ(principal_of(**connected("")), "process:self");
}

TEST_F(Token, that_the_hub_does_not_know_fails_the_connect_and_is_not_in_its_error) {
  open_hub();
  const std::string wrong = "a secret that nobody is known by";
  const auto session = connected(wrong);
  ASSERT_FALSE(session);
  EXPECT_NE(session.error().note.find("the token is none of this hub's"), std::string::npos) << session.error().note;
  EXPECT_EQ(session.error().note.find(wrong), std::string::npos);
}

TEST_F(Token, is_given_again_when_the_session_dials_again) {
  open_hub();
  const auto session = connected(secret, true).value();
  hub.reset();
  world.settle();
  open_hub();
  world.pass(5s);
  EXPECT_EQ(principal_of(*session), "token:ci");
}

}  // namespace
}  // namespace parley
