#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

// What `content` of a Progress says: docs/WIRE.md, 16.7.
namespace parley::wire::command {

// How far a command is.
struct HowFar {
  double done = 0;              // only ever rises
  std::optional<double> total;  // in the same unit, where it is known
  std::string message;
};
// A part of its result, before all of it.
struct PartialResult {
  std::string_view json;
};

// What is no number of JSON, as infinity, is left out; without `done` nothing is said, which is an empty text.
std::string encode(const HowFar& how_far);
std::string encode(const PartialResult& partial);

// Of any text: nothing where it says neither. A partial result is a part of it.
std::optional<std::variant<HowFar, PartialResult>> read_progress(std::string_view content);

}  // namespace parley::wire::command
