#include "runtime/tracing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "wire/trace_context.h"

namespace parley {

using std::chrono::microseconds;

namespace {

constexpr std::size_t peer_bytes_max = 256;

std::uint64_t not_zero(io::Random& random) {
  for (;;) {
    if (const std::uint64_t number = random.next()) return number;
  }
}

std::uint64_t us(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration / microseconds(1), 0));
}

// Whether the call may go on with its metadata: what a caller sends needs room for a deadline too.
bool is_fit(const CallView& call) {
  const std::size_t reserved = call.side == CallView::Side::caller ? 1 : 0;
  return wire::roam::unfit(call.metadata, call.limits, reserved).empty();
}

void put_outcome(Span& span, const CallOutcome& outcome) {
  span.result_bytes = outcome.result_bytes;
  switch (outcome.how) {
    case CallOutcome::How::value: span.outcome = "value"; return;
    case CallOutcome::How::own_error: span.outcome = "own_error"; return;
    case CallOutcome::How::error: break;
  }
  span.outcome = "error";
  if (!outcome.error) return;
  span.code = static_cast<std::uint32_t>(outcome.error->code);
  span.error = to_string(Error{outcome.error->code, {}});
}

}  // namespace

struct Tracing::Notes final : CallNotes {
  wire::TraceContext context;
  std::optional<std::uint64_t> parent;
  std::uint64_t start_unix_us = 0;
  Instant began;

  Notes(const wire::TraceContext& context, std::optional<std::uint64_t> parent, io::Clock& clock)
      : context(context), parent(parent), start_unix_us(us(clock.wall().time_since_epoch())), began(clock.now()) {}

  Span span(std::string_view kind) const {
    Span span;
    span.trace_id = context.trace_id();
    span.span_id = wire::span_id(context.span);
    if (parent) span.parent_span_id = wire::span_id(*parent);
    span.kind = kind;
    span.start_unix_us = start_unix_us;
    return span;
  }
};

Tracing::Tracing(std::shared_ptr<SpanSink> sink, Options options)
    : sink_(std::move(sink)), options_(std::move(options)) {
  PARLEY_ASSERT(sink_ != nullptr);
}

Tracing::Counters Tracing::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

// One that is there twice is none, and neither is a secret: it would be written down.
std::optional<wire::TraceContext> Tracing::take_parent(const Metadata& metadata) {
  const MetadataEntry* found = nullptr;
  std::size_t count = 0;
  for (const MetadataEntry& entry : metadata) {
    if (entry.key != wire::traceparent) continue;
    found = &entry;
    ++count;
  }
  if (!found) return std::nullopt;
  const auto* text = std::get_if<std::string>(&found->value);
  std::optional<wire::TraceContext> parent;
  if (count == 1 && text && (found->flags & Metadata::sensitive) == 0) parent = wire::read_traceparent(*text);
  if (!parent) {
    const std::lock_guard lock(mutex_);
    ++counters_.parents_malformed;
  }
  return parent;
}

wire::TraceContext Tracing::begin_trace(io::Random& random) const {
  wire::TraceContext context{.trace_high = not_zero(random), .trace_low = random.next()};
  // The lower half is as random as anything, and every process that looks at it decides alike.
  const double place = std::ldexp(static_cast<double>(context.trace_low >> 11), -53);
  context.is_sampled = place < options_.rate;
  return context;
}

Result<void> Tracing::before(CallView& call) {
  const std::optional<wire::TraceContext> parent = take_parent(call.metadata);
  wire::TraceContext own = parent ? *parent : begin_trace(call.loop.random());
  own.span = not_zero(call.loop.random());
  if (!parent) call.metadata.erase(wire::tracestate);  // it belongs to the parent
  call.metadata.set(std::string(wire::traceparent), wire::to_traceparent(own));
  if (!is_fit(call)) {
    call.metadata.erase(wire::traceparent);
    const std::lock_guard lock(mutex_);
    ++counters_.parents_without_room;
  }
  if (own.is_sampled) {
    call.notes = std::make_unique<Notes>(own, parent ? std::optional(parent->span) : std::nullopt, call.loop.clock());
  } else {
    const std::lock_guard lock(mutex_);
    ++counters_.spans_unsampled;
  }
  return {};
}

void Tracing::after(const CallView& call, const CallOutcome& outcome) {
  if (!call.notes) return;
  Span span = static_cast<const Notes&>(*call.notes).span(call.side == CallView::Side::caller ? "caller" : "handler");
  span.name = name_of(call.service, call.name, call.method);
  span.duration_us = us(outcome.took);
  span.peer = call.peer.address.substr(0, peer_bytes_max);
  span.argument_bytes = call.argument_bytes;
  put_outcome(span, outcome);
  write(span, call.loop.clock().now());
}

std::unique_ptr<CallNotes> Tracing::relay(const Metadata& metadata, io::Loop& loop) {
  std::optional<wire::TraceContext> parent = take_parent(metadata);
  if (!parent || !parent->is_sampled) return nullptr;
  const std::uint64_t span = std::exchange(parent->span, not_zero(loop.random()));
  return std::make_unique<Notes>(*parent, span, loop.clock());
}

void Tracing::relayed(const CallNotes& notes, const Relayed& call, const CallOutcome& outcome, io::Loop& loop) {
  const auto& own = static_cast<const Notes&>(notes);
  const Instant now = loop.clock().now();
  Span span = own.span("relay");
  span.name = fmt::format("{} {}", call.service, name_of({}, {}, call.method));
  span.duration_us = us(now - own.began);
  span.peer = call.peer.substr(0, peer_bytes_max);
  span.argument_bytes = call.argument_bytes;
  put_outcome(span, outcome);
  write(span, now);
}

std::string Tracing::name_of(std::string_view service, std::string_view name, std::uint64_t method) const {
  if (!name.empty()) return fmt::format("{}.{}", service, name);
  std::string known = options_.name_of ? options_.name_of(method) : std::string();
  return known.empty() ? fmt::format("method {:016x}", method) : known;
}

void Tracing::write(const Span& span, Instant now) {
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t second = (now - Instant()) / std::chrono::seconds(1);
    if (second != second_) {
      second_ = second;
      in_second_ = 0;
    }
    if (in_second_ >= options_.spans_per_second_max) {
      ++counters_.spans_dropped;
      return;
    }
    ++in_second_;
  }
  const bool is_written = sink_->take(span);
  const std::lock_guard lock(mutex_);
  ++(is_written ? counters_.spans_written : counters_.spans_dropped);
}

}  // namespace parley
