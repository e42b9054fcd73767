#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/interceptor.h"

namespace parley {

namespace wire {
struct TraceContext;
}

// One end's part of a call, as it goes into a trace. Nothing of arguments, results and metadata is in it.
struct Span {
  std::string trace_id;                       // 32 digits
  std::string span_id;                        // 16 digits
  std::optional<std::string> parent_span_id;  // none: the trace begins here
  std::string kind;                           // "caller", "handler", or "relay", at a hub
  std::string name;                           // "Calculator.add"; "method 1f0e..." where the id alone is known
  std::uint64_t start_unix_us = 0;
  std::uint64_t duration_us = 0;
  std::string peer;  // its address; of a relay, the provider's
  std::uint64_t argument_bytes = 0;
  std::uint64_t result_bytes = 0;
  std::string outcome;                     // "value", "own_error" or "error"
  std::optional<std::uint32_t> code = {};  // of an error
  std::optional<std::string> error = {};   // what it says, without the note that came with it
};

// Where spans go. From the threads of all loops that have it.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // Does not wait. False: it was dropped, for want of room.
  virtual bool take(const Span& span) = 0;
};

// Writes down the calls of the ends that it is set at, as spans of W3C traces: an interceptor. A call that a client
// makes with context.forward() belongs to the trace of the call that is handled; one with no `traceparent` in its
// metadata begins one. That of the call's own span travels, and is what the handler's context forwards.
class Tracing final : public Interceptor {
 public:
  struct Options {
    // Of the traces that begin here, the part whose spans are written down: 0 is none, 1 all. Elsewhere it was decided
    // where the trace began.
    double rate = 1;
    // More are dropped, whoever asked for them.
    std::uint32_t spans_per_second_max = 10'000;
    // The name of a method that is known by its id alone; empty where there is none.
    std::move_only_function<std::string(std::uint64_t method) const> name_of = {};
  };
  explicit Tracing(std::shared_ptr<SpanSink> sink) : Tracing(std::move(sink), Options()) {}
  Tracing(std::shared_ptr<SpanSink> sink, Options options);

  struct Counters {
    std::uint64_t spans_written = 0;
    std::uint64_t spans_dropped = 0;         // by spans_per_second_max, or by the sink
    std::uint64_t spans_unsampled = 0;       // of traces that are not written down
    std::uint64_t parents_malformed = 0;     // a `traceparent` that is none, and was taken for missing
    std::uint64_t parents_without_room = 0;  // calls with so much metadata that theirs found no place
  };
  Counters counters() const;

  Result<void> before(CallView& call) override;
  void after(const CallView& call, const CallOutcome& outcome) override;

  // For whoever passes a call on as it came: the notes for relayed(), where it belongs to a trace that is written down.
  std::unique_ptr<CallNotes> relay(const Metadata& metadata, io::Loop& loop);
  struct Relayed {
    std::string_view service;
    std::uint64_t method = 0;
    std::string_view peer;
    std::size_t argument_bytes = 0;
  };
  void relayed(const CallNotes& notes, const Relayed& call, const CallOutcome& outcome, io::Loop& loop);

 private:
  struct Notes;
  std::optional<wire::TraceContext> take_parent(const Metadata& metadata);
  wire::TraceContext begin_trace(io::Random& random) const;
  void write(const Span& span, Instant now);
  std::string name_of(std::string_view service, std::string_view name, std::uint64_t method) const;

  const std::shared_ptr<SpanSink> sink_;
  const Options options_;
  mutable std::mutex mutex_;  // of what is below
  Counters counters_;
  std::int64_t second_ = -1;
  std::uint32_t in_second_ = 0;
};

}  // namespace parley
