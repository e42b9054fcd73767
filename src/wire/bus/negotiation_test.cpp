#include "wire/bus/negotiation.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/bus/bus_suite.h"

namespace parley::wire::bus {
namespace {

constexpr Version only_1_0[] = {version_1_0};

std::string text_of(Version version) { return std::to_string(version.major) + "." + std::to_string(version.minor); }

// "1.0" or "err 7", as the vectors have it.
std::string outcome(Version lowest, Version highest, std::span<const Version> versions) {
  const auto said = answer({.lowest = lowest, .highest = highest}, {versions});
  if (const auto* ack = std::get_if<ConnectAck>(&said)) return text_of(ack->selected);
  return "err " + std::to_string(std::to_underlying(std::get<ConnectError>(said).reason));
}

TEST(BusNegotiation, chooses_as_the_vectors_do) {
  const std::vector<VectorLine> lines = read_vectors("negotiate");
  EXPECT_EQ(lines.size(), 3u);
  for (const VectorLine& line : lines) {
    const std::string asked = line.text("negotiate");
    unsigned numbers[4] = {};
    ASSERT_EQ(std::sscanf(asked.c_str(), "%u.%u..%u.%u vs [1.0]", &numbers[0], &numbers[1], &numbers[2], &numbers[3]),
              4)
        << asked;
    const auto version = [&](int at) {
      return Version{static_cast<std::uint16_t>(numbers[at]), static_cast<std::uint16_t>(numbers[at + 1])};
    };
    EXPECT_EQ(outcome(version(0), version(2), only_1_0), line.text("result")) << asked;
  }
}

TEST(BusNegotiation, the_highest_of_the_range_is_chosen_in_whatever_order_they_are) {
  constexpr Version several[] = {{1, 3}, {2, 1}, {1, 0}, {1, 12}};
  EXPECT_EQ(outcome({1, 0}, {1, 9}, several), "1.3");
  EXPECT_EQ(outcome({1, 0}, {1, 0xffff}, several), "1.12") << "a minor number is no fraction";
  EXPECT_EQ(outcome({0, 0}, {9, 0}, several), "2.1");
  EXPECT_EQ(outcome({2, 1}, {2, 1}, several), "2.1") << "both ends of a range belong to it";
  EXPECT_EQ(outcome({1, 4}, {1, 11}, several), "err 7");
  EXPECT_EQ(outcome({2, 0}, {1, 0}, several), "err 7") << "nothing lies in a range turned round";
  EXPECT_EQ(outcome({0, 0}, {9, 0}, {}), "err 7");
}

TEST(BusNegotiation, the_ack_says_what_the_server_can) {
  const auto said = answer({.lowest = {1, 0}, .highest = {1, 0}}, {only_1_0, 0x80000001});
  EXPECT_EQ(std::get<ConnectAck>(said), (ConnectAck{version_1_0, 0x80000001}));
}

TEST(BusNegotiation, a_client_keeps_the_capabilities_that_it_knows) {
  const Connect connect{.lowest = {1, 0}, .highest = {1, 4}};
  EXPECT_EQ(agree(connect, {{1, 0}, 0xff01}, 0x0103).value(), 0x0101u);
  EXPECT_EQ(agree(connect, {{1, 4}, capability_participants}, 0).value(), 0u);
}

TEST(BusNegotiation, a_server_that_chooses_what_nobody_asked_for_is_refused) {
  const Connect connect{.lowest = {1, 0}, .highest = {1, 4}};
  for (const Version version : {Version{0, 9}, Version{1, 5}, Version{2, 0}}) {
    const Result<std::uint32_t> agreed = agree(connect, {version, 0}, 0);
    ASSERT_FALSE(agreed);
    EXPECT_EQ(agreed.error(), (Error{Code::version, text_of(version) + " was chosen, and 1.0 to 1.4 asked for"}));
  }
}

TEST(BusNegotiation, a_schema_is_accepted_when_it_is_listed_or_nothing_is) {
  const SchemaId a = schema_id_of("a");
  const SchemaId b = schema_id_of("b");
  EXPECT_TRUE(accepts_schema({}, a));
  EXPECT_TRUE(accepts_schema(std::vector{b, a}, a));
  EXPECT_FALSE(accepts_schema(std::vector{b}, a));
  SchemaId nearly = a;
  nearly[31] ^= 1;
  EXPECT_FALSE(accepts_schema(std::vector{nearly}, a)) << "all 32 bytes count";
}

Version any_version() { return {*rc::gen::inRange<std::uint16_t>(0, 4), *rc::gen::inRange<std::uint16_t>(0, 4)}; }

RC_GTEST_PROP(BusNegotiation, what_is_chosen_is_offered_asked_for_and_the_best, ()) {
  std::vector<Version> versions(*rc::gen::inRange<std::size_t>(0, 6));
  for (Version& version : versions) version = any_version();
  const Version lowest = any_version();
  const Version highest = any_version();
  const std::optional<Version> chosen = choose_version(lowest, highest, versions);
  const auto fits = [&](Version version) { return lowest <= version && version <= highest; };
  RC_ASSERT(chosen.has_value() == std::ranges::any_of(versions, fits));
  if (!chosen) return;
  RC_ASSERT(fits(*chosen) && std::ranges::find(versions, *chosen) != versions.end());
  for (const Version version : versions) RC_ASSERT(!fits(version) || version <= *chosen);
}

}  // namespace
}  // namespace parley::wire::bus
