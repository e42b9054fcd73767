#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "codec/dynamic_value.h"

namespace parley::codec {

// How many bytes described types take in postcard at least and at most, as postcard_bounds.h has it for those of the
// compiler. Each is looked at once: a description may name one type in very many places.
class DynamicBounds {
 public:
  std::size_t least(const DynamicType& type) { return find(type, fuel_full); }
  std::size_t most(const DynamicType& type) { return find(type, no_fuel_for_most); }

 private:
  // Through so many boxes is looked for the least; for the most, a box is without bound.
  static constexpr std::size_t fuel_full = 2;
  static constexpr std::size_t no_fuel_for_most = 3;

  std::size_t find(const DynamicType& type, std::size_t what);
  std::size_t find_least(const DynamicType& type, std::size_t fuel);
  std::size_t find_most(const DynamicType& type);
  std::size_t sum(const DynamicType& type, std::size_t what);

  std::unordered_map<const DynamicType*, std::array<std::optional<std::size_t>, 4>> found_;
};

}  // namespace parley::codec
