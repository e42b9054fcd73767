#include "codec/dynamic_bounds.h"

#include <algorithm>

#include "codec/postcard_bounds.h"

namespace parley::codec {

std::size_t DynamicBounds::find(const DynamicType& type, std::size_t what) {
  if (const auto known = found_[&type][what]) return *known;
  const std::size_t bound = what == no_fuel_for_most ? find_most(type) : find_least(type, what);
  found_[&type][what] = bound;
  return bound;
}

std::size_t DynamicBounds::sum(const DynamicType& type, std::size_t what) {
  std::size_t all = 0;
  for (const DynamicType* one : type.wire_parts) all = detail::sum_of_bounds({all, find(*one, what)});
  return all;
}

std::size_t DynamicBounds::find_least(const DynamicType& type, std::size_t fuel) {
  using enum DescribedKind;
  switch (type.kind()) {
    case unit:
    case tx:
    case rx: return 0;
    case f32: return sizeof(float);
    case f64: return sizeof(double);
    case character: return 2;
    case boxed: return fuel == 0 ? 0 : find(*type.wire_parts[0], fuel - 1);
    case array: return detail::product_of_bounds(find(*type.wire_parts[0], fuel), type.description->count);
    case newtype:
    case tuple:
    case structure: return sum(type, fuel);
    case variant:
    case either: {
      std::size_t smallest = unbounded;
      for (const DynamicType* one : type.wire_parts) smallest = std::min(smallest, one ? find(*one, fuel) : 0);
      return detail::sum_of_bounds({1, smallest});
    }
    default: return 1;
  }
}

std::size_t DynamicBounds::find_most(const DynamicType& type) {
  using enum DescribedKind;
  switch (type.kind()) {
    case unit:
    case tx:
    case rx: return 0;
    case boolean:
    case u8:
    case i8: return 1;
    case f32: return sizeof(float);
    case f64: return sizeof(double);
    case character: return 1 + scalar_bytes_max;
    case duration: return varint_bytes_max;
    case option: return detail::sum_of_bounds({1, sum(type, no_fuel_for_most)});
    case array: return detail::product_of_bounds(find(*type.wire_parts[0], no_fuel_for_most), type.description->count);
    case newtype:
    case tuple:
    case structure: return sum(type, no_fuel_for_most);
    case enumeration: return varint_bytes(type.description->parts.size());
    case variant:
    case either: {
      std::size_t largest = 0;
      for (const DynamicType* one : type.wire_parts) {
        largest = std::max(largest, one ? find(*one, no_fuel_for_most) : 0);
      }
      return detail::sum_of_bounds({varint_bytes(type.wire_parts.size() - 1), largest});
    }
    case text:
    case bytes:
    case list:
    case set:
    case map:
    case boxed: return unbounded;
    default: return (type.number_bytes * std::size_t{8} + 6) / 7;
  }
}

}  // namespace parley::codec
