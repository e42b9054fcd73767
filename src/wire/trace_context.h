#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::wire {

// The metadata keys of the W3C trace context.
inline constexpr std::string_view traceparent = "traceparent";
inline constexpr std::string_view tracestate = "tracestate";

// Which trace a call belongs to, and which span of it made the call.
struct TraceContext {
  std::uint64_t trace_high = 0;  // never zero both
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;   // never zero
  bool is_sampled = false;  // the spans of this trace are recorded

  std::string trace_id() const;  // 32 digits
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

std::string span_id(std::uint64_t span);  // 16 digits

// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: version, trace, span and flags, in lower case. Of a later
// version what this one knows is read. Nothing, for what is none.
std::optional<TraceContext> read_traceparent(std::string_view text);
std::string to_traceparent(const TraceContext& context);

}  // namespace parley::wire
