#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "core/call/calls.h"

// What the tests of the call machine share.
namespace parley::core::suite {

using State = OutgoingCall::State;
using Admission = Calls::Admission;
using Arrival = Calls::Arrival;
using Match = Calls::Match;

class CallsTest : public testing::Test {
 protected:
  Calls& make(const Calls::Options& options = {}) { return calls.emplace(limits, counters, options); }
  Match respond(std::uint64_t id) {
    OutgoingCall* call = nullptr;
    return calls->on_response(id, call);
  }
  OutgoingCall* answered(std::uint64_t id) {
    OutgoingCall* call = nullptr;
    EXPECT_EQ(calls->on_response(id, call), Match::delivered) << id;
    return call;
  }

  Limits limits;
  Counters counters;
  std::optional<Calls> calls;
};

}  // namespace parley::core::suite
