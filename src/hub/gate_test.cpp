#include "hub/gate.h"

#include <gtest/gtest.h>

#include "wire/roam/names.h"

namespace parley::hub {
namespace {

constexpr std::string_view secret = "0123456789abcdef";

class GateTest : public testing::Test {
 protected:
  static core::Tokens tokens() {
    core::Tokens one;
    EXPECT_TRUE(one.add("ci", secret));
    return one;
  }
  static Metadata hello(std::string_view with) {
    return {{std::string(wire::roam::names::token), std::string(with), Metadata::sensitive}};
  }
  const core::Principal owner = core::Principal::of_user(1000);
  const Gate open{core::Policy::of_owner(owner), tokens()};
};

TEST_F(GateTest, the_system_knows_users_by_their_sockets_and_its_own_process_by_its_links) {
  const io::Peer by_socket{.address = "unix:/x", .credentials = io::Peer::Credentials{.pid = 1, .uid = 7, .gid = 7}};
  EXPECT_EQ(Gate::seen(by_socket, false), core::Principal::of_user(7));
  EXPECT_EQ(Gate::seen({.address = "mem:x"}, true), core::Principal::of_own_process());
  EXPECT_EQ(Gate::seen({.address = "tcp:127.0.0.1:1"}, false), std::nullopt);
}

TEST_F(GateTest, a_certificate_that_somebody_brings_decides_before_the_system_and_behind_a_token) {
  io::Peer peer{.address = "tls:127.0.0.1:1", .certificate = "CN=worker-7,O=Example"};
  const core::Principal worker{core::Principal::Kind::certificate, "worker-7"};
  EXPECT_EQ(Gate::seen(peer, false), worker);
  peer.credentials = io::Peer::Credentials{.pid = 1, .uid = 1000, .gid = 7};
  EXPECT_EQ(Gate::seen(peer, false), worker);
  peer.certificate = "CN=two names";
  EXPECT_EQ(Gate::seen(peer, false), std::nullopt) << "nobody goes on as somebody else than he shows himself to be";

  core::Policy policy;
  ASSERT_TRUE(policy.add(core::Rule::parse("certificate:worker-7 offer build.**").value()));
  const Gate gate(policy, tokens());
  EXPECT_EQ(gate.enter(worker, {}).principal, worker);
  EXPECT_EQ(gate.enter(worker, hello(secret)).principal, core::Principal::of_token("ci"));
  const auto refused = gate.enter(core::Principal{core::Principal::Kind::certificate, "worker-8"}, {});
  EXPECT_EQ(refused.principal, std::nullopt);
  EXPECT_TRUE(refused.refusal.note.starts_with("no rule of this hub names certificate:worker-8, and no token came"));
  EXPECT_TRUE(Gate(policy, {}).knows_strangers());
}

TEST_F(GateTest, whom_the_system_does_not_know_needs_a_token) {
  const auto refused = open.enter(std::nullopt, {});
  EXPECT_EQ(refused.principal, std::nullopt);
  EXPECT_EQ(refused.fault, Gate::Fault::token_missing);
  EXPECT_EQ(
      refused.refusal.note,
      "neither the system nor a certificate says whose process this is, and no token came: give one: Options::token, "
      "PARLEY_TOKEN or --token-file for the program parley, parley-token in a Hello, or Authorization: Bearer over "
      "HTTP");
  EXPECT_EQ(open.enter(std::nullopt, hello(secret)).principal, core::Principal::of_token("ci"));
  EXPECT_EQ(open.enter(std::nullopt, hello("fedcba9876543210")).fault, Gate::Fault::token_wrong);
}

TEST_F(GateTest, a_token_decides_also_where_the_system_vouches) {
  EXPECT_EQ(open.enter(owner, {}).principal, owner);
  EXPECT_EQ(open.enter(owner, hello(secret)).principal, core::Principal::of_token("ci"));
  EXPECT_EQ(open.enter(owner, hello("fedcba9876543210")).principal, std::nullopt);
}

TEST_F(GateTest, without_tokens_strangers_are_not_waited_for) {
  const Gate shut(core::Policy::of_owner(owner), {});
  EXPECT_FALSE(shut.knows_strangers());
  EXPECT_TRUE(shut.knows(owner));
  EXPECT_FALSE(shut.knows(core::Principal::of_user(1001)));
  EXPECT_FALSE(shut.knows(std::nullopt));
  EXPECT_EQ(shut.stranger(core::Principal::of_user(1001)).note,
            "no rule of this hub names uid:1001, and it knows nobody by a token or a certificate");
}

}  // namespace
}  // namespace parley::hub
