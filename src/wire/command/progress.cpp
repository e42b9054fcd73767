#include "wire/command/progress.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::wire::command {

using codec::JsonKind;
using codec::JsonObject;

namespace {

// A text that a person is to read.
constexpr std::size_t message_bytes_max = std::size_t{64} << 10;

std::optional<double> number_in(const JsonObject& object, std::string_view key) {
  const std::string_view* const value = object.find(key);
  return value ? codec::json_number(*value) : std::nullopt;
}

}  // namespace

std::string encode(const HowFar& how_far) {
  if (!std::isfinite(how_far.done)) return {};
  std::string content = fmt::format("{{\"progress\":{}", how_far.done);
  if (how_far.total && std::isfinite(*how_far.total)) content += fmt::format(",\"total\":{}", *how_far.total);
  if (!how_far.message.empty()) {
    content += ",\"message\":";
    codec::put_quoted(content, codec::to_utf8(how_far.message, message_bytes_max));
  }
  return content += '}';
}

std::string encode(const PartialResult& partial) {
  return std::string("{\"partial\":").append(partial.json).append("}");
}

std::optional<std::variant<HowFar, PartialResult>> read_progress(std::string_view content) {
  const auto object = JsonObject::parse(content);
  if (!object) return std::nullopt;
  if (const std::string_view* const partial = object->find("partial")) return PartialResult{*partial};
  const auto done = number_in(*object, "progress");
  if (!done) return std::nullopt;
  HowFar how_far{*done, number_in(*object, "total"), {}};
  const std::string_view* const message = object->find("message");
  if (message && codec::json_kind(*message) == JsonKind::string) how_far.message = codec::json_string(*message);
  return how_far;
}

}  // namespace parley::wire::command
