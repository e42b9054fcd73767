#include "wire/bus/body_reader.h"

#include <fmt/format.h>

namespace parley::wire::bus {

std::uint32_t BodyReader::take_count(std::string_view name, std::size_t element_bytes_min, std::uint32_t count_max) {
  std::uint32_t count = 0;
  (*this)(name, count);
  if (count > left() / element_bytes_min) {
    wrong(Fault::field_cut_off, name, "cut off");
    return 0;
  }
  if (count > count_max) {
    wrong(Fault::too_many, name, fmt::format("{}, where {} are taken", count, count_max));
    return 0;
  }
  return count;
}

void BodyReader::wrong(Fault fault, std::string_view name, std::string_view what) {
  if (malformed_) return;
  malformed_.emplace(Error{Code::message, fmt::format("{}: {}: {}", name_of(head_.type), name, what)}, fault);
}

void BodyReader::wrong_tag(std::string_view name, Fault fault, std::uint8_t tag) {
  wrong(fault, name, fmt::format("{:02x}, neither 00 nor 01", tag));
}

void BodyReader::wrong_size(std::string_view name) {
  wrong(Fault::bytes_left, name, fmt::format("{} bytes more than its fields", left()));
}

}  // namespace parley::wire::bus
