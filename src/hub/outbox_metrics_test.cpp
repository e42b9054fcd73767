#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "hub/hub_suite.h"
#include "runtime/builtin.h"
#include "runtime/outbox/outbox.h"
#include "runtime/outbox/outbox_suite.h"

// What a hub tells of the outboxes of its own process.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Between;
using runtime::suite::Host;
using runtime::suite::Note;
using suite::HubWorld;

std::map<std::string, std::uint64_t> counts_of(HubWorld& hub) {
  const auto asking = hub.party();
  auto call = asking->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::counters>();
  std::map<std::string, std::uint64_t> counts;
  for (const builtin::Count& each : hub.outcome_of(call).value()) counts[each.name] = each.value;
  return counts;
}

TEST(OutboxMetrics, what_its_own_outboxes_hold_sent_and_lost_is_counted) {
  // rule: delivery/W-26
  HubWorld hub;
  Host host(hub.world);
  {
    Outbox outbox(hub.world.loop, {.limits = {.commands_max = 3}});
    hub.hub->outboxes().show(outbox);
    hub.world.pass(2s);  // without a session
    outbox.send("note", Note{1}, {.key = "k"}).value();
    outbox.send("note", Note{2}, {.key = "k"}).value();
    outbox.send("note", Note{3}, {.when_full = Outbox::WhenFull::drop_oldest}).value();
    const Ticket ticket = outbox.send("hang", Note{4}).value();
    EXPECT_FALSE(outbox.send("note", Note{5}));
    outbox.send("hang", Note{6}, {.when_full = Outbox::WhenFull::drop_oldest}).value();
    {
      const Between between(hub.world, outbox, host);
    }
    hub.world.pass(1s);
    EXPECT_EQ(outbox.cancel(ticket), Outbox::Cancelled::asked);
    auto counts = counts_of(hub);
    EXPECT_EQ(counts["outboxes"], 1u);
    EXPECT_EQ(counts["outbox_commands"], 2u);
    EXPECT_EQ(counts["outbox_commands_peak"], 3u);
    EXPECT_EQ(counts["outbox_bytes"], outbox.machine().bytes());
    EXPECT_GT(counts["outbox_bytes"], 0u);
    EXPECT_GE(counts["outbox_bytes_peak"], counts["outbox_bytes"]);
    EXPECT_EQ(counts["outbox_oldest_ms"], 1000u);
    EXPECT_EQ(counts["outbox_disconnected_ms"], 3000u);
    EXPECT_EQ(counts["outbox_accepted_reject"], 3u);
    EXPECT_EQ(counts["outbox_accepted_drop_oldest"], 2u);
    EXPECT_EQ(counts["outbox_rejected_reject"], 1u);
    EXPECT_EQ(counts["outbox_evicted_drop_oldest"], 1u);
    EXPECT_EQ(counts["outbox_evicted_reject"], 0u);
    EXPECT_EQ(counts["outbox_coalesced_reject"], 1u);
    EXPECT_EQ(counts["outbox_sent"], 3u);
    EXPECT_EQ(counts["outbox_sessions"], 1u);
    EXPECT_EQ(counts["outbox_results_applied"], 1u);
    EXPECT_EQ(counts["outbox_results_cancelled"], 1u);
    EXPECT_EQ(counts["outbox_results_refused"], 1u);
    EXPECT_TRUE(counts.contains("outbox_received_p50_us"));
    EXPECT_TRUE(counts.contains("outbox_applied_p99_us"));
    EXPECT_TRUE(counts.contains("outbox_cancels_too_late"));
  }
  EXPECT_EQ(counts_of(hub)["outboxes"], 0u);
  host.may_go_on.set();
  hub.world.settle();
}

TEST(OutboxMetrics, how_old_the_oldest_is_of_what_is_sent_here_is_told) {
  HubWorld hub;
  const auto party = hub.party();
  Outbox outbox(hub.world.loop);
  const runtime::suite::Running attached(hub.world, outbox.attach(*party->session));
  outbox.send("note", Note{1}, {.deadline = 1h}).value();
  hub.world.pass(2s);
  outbox.send("note", Note{2}, {.deadline = 1h}).value();
  hub.world.pass(1s);
  auto counts = counts_of(hub);
  EXPECT_EQ(counts["outbox_senders_waiting"], 2u);
  EXPECT_EQ(counts["outbox_senders_oldest_ms"], 3000u);
}

}  // namespace
}  // namespace parley::hub
