#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "runtime/commands/carrier.h"

// What every carrier promises, as checks for those that users write: parley::testing::carrier_rules().
namespace parley::testing {

// Two ends that are connected, and have not been started.
struct CarrierEnds {
  std::shared_ptr<Carrier> first;
  std::shared_ptr<Carrier> second;
};
using MakeCarriers = std::move_only_function<Task<Result<CarrierEnds>>()>;

// Nothing, or what was found instead of what the rule says.
using Finding = std::optional<std::string>;

struct CarrierRule {
  std::string_view id;    // "C5"
  std::string_view says;  // in a sentence
  Task<Finding> (*check)(io::Loop& loop, MakeCarriers make);
};
std::span<const CarrierRule> carrier_rules();

// Turns the loop until the check is over. Ends of a carrier that passes nothing within ten seconds of the loop's time
// break the rule.
Finding check_carrier(io::Loop& loop, const CarrierRule& rule, MakeCarriers make);

}  // namespace parley::testing
