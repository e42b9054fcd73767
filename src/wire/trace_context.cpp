#include "wire/trace_context.h"

#include <fmt/format.h>

#include <cstddef>

namespace parley::wire {

namespace {

// Reads from the front as many hexadecimal digits as fill the number, in lower case.
template <class Number>
bool take(std::string_view& text, Number& number) {
  static constexpr std::size_t digits = 2 * sizeof(Number);
  if (text.size() < digits) return false;
  std::uint64_t value = 0;
  for (const char c : text.substr(0, digits)) {
    const bool is_decimal = c >= '0' && c <= '9';
    if (!is_decimal && (c < 'a' || c > 'f')) return false;
    value = (value << 4) | static_cast<std::uint64_t>(is_decimal ? c - '0' : c - 'a' + 10);
  }
  number = static_cast<Number>(value);
  text.remove_prefix(digits);
  return true;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string TraceContext::trace_id() const { return fmt::format("{:016x}{:016x}", trace_high, trace_low); }
std::string span_id(std::uint64_t span) { return fmt::format("{:016x}", span); }

std::optional<TraceContext> read_traceparent(std::string_view text) {
  static constexpr std::uint8_t no_version = 0xff;
  static constexpr std::uint8_t sampled = 1;
  std::uint8_t version = 0;
  std::uint8_t flags = 0;
  TraceContext context;
  const bool is_whole = take(text, version) && take_dash(text) && take(text, context.trace_high) &&
                        take(text, context.trace_low) && take_dash(text) && take(text, context.span) &&
                        take_dash(text) && take(text, flags);
  if (!is_whole || version == no_version) return std::nullopt;
  if (!text.empty() && (version == 0 || !text.starts_with('-'))) return std::nullopt;
  if ((context.trace_high | context.trace_low) == 0 || context.span == 0) return std::nullopt;
  context.is_sampled = (flags & sampled) != 0;
  return context;
}

std::string to_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{:02x}", context.trace_id(), span_id(context.span), context.is_sampled ? 1 : 0);
}

}  // namespace parley::wire
