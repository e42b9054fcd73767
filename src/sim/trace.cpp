#include "sim/trace.h"

#include <fmt/format.h>

#include "sim/virtual_clock.h"

namespace parley::sim {

void Trace::mix(std::string_view text) {
  mix(text.size());
  for (const char byte : text) mix(static_cast<std::uint8_t>(byte));
}

void Trace::note(std::string_view what, std::initializer_list<std::uint64_t> values, std::string_view text) {
  ++size_;
  const auto at = static_cast<std::uint64_t>((clock_.now() - VirtualClock::start).count());
  mix(at);
  mix(what);
  for (const std::uint64_t value : values) mix(value);
  mix(text);
  if (!keeps_lines_) return;
  std::string line = fmt::format("{:>12}.{:03} us  {:<24}", at / 1000, at % 1000, what);
  for (const std::uint64_t value : values) line += fmt::format(" {}", value);
  if (!text.empty()) line += fmt::format(" \"{}\"", text);
  lines_.push_back(std::move(line));
}

}  // namespace parley::sim
