#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/tracing.h"

namespace parley {

// A file of spans, each a JSON object on a line of its own, with the fields of Span. At `bytes_max` it is renamed to
// PATH.1, in the place of an older one, and begun anew. One program uses it, with any number of loops:
//
//   PARLEY_TRY(auto file, TraceFile::open("trace.jsonl"));
//   options.interceptors = {std::make_shared<Tracing>(file)};
class TraceFile final : public SpanSink {
 public:
  static constexpr std::uint64_t bytes_max_default = std::uint64_t{64} << 20;
  // Errors: not_found, permission, invalid.
  static Result<std::shared_ptr<TraceFile>> open(std::string path, std::uint64_t bytes_max = bytes_max_default);
  ~TraceFile() override;

  bool take(const Span& span) override;

 private:
  class Impl;
  explicit TraceFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley
