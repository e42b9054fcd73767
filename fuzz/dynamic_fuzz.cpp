#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/dynamic.h"
#include "codec/json_schema.h"
#include "codec/postcard.h"
#include "codec/schema_validator.h"
#include "codec/utf8.h"

// Two bytes, little-endian: how long the description of a service is that follows. What is behind it is taken for the
// arguments of each method as JSON, and for its result as postcard and as JSON. Nothing but refusals comes of what is
// wrong, and what is good survives.
namespace parley::codec {
namespace {

constexpr std::size_t methods_tried_max = 8;

void is_refused(const Error& error, Code code) {
  PARLEY_ASSERT(error.code == code);
  PARLEY_ASSERT(!error.note.empty() && is_utf8(as_bytes(error.note)));
}

void check_text(const Transcoder& transcoder, std::uint32_t type, std::string_view text) {
  const auto bytes = transcoder.to_postcard(type, text);
  if (!bytes) return is_refused(bytes.error(), Code::json);
  const auto again = transcoder.to_json(type, *bytes);
  if (!again) return is_refused(again.error(), again.error().code);  // of more memory than the text took
  const auto reread = transcoder.to_postcard(type, *again);
  PARLEY_ASSERT(!reread || *reread == *bytes);
}

void check_bytes(const Transcoder& transcoder, std::uint32_t type, ByteView bytes) {
  for (const JsonStyle style : {JsonStyle::compact, JsonStyle::pretty}) {
    const auto text = transcoder.to_json(type, bytes, style);
    if (!text) return is_refused(text.error(), text.error().code);
    // Keys may become the same: all numbers that are none have one text.
    const auto reread = transcoder.to_postcard(type, *text);
    if (!reread) continue;
    const auto rewritten = transcoder.to_json(type, *reread, style);
    PARLEY_ASSERT(rewritten.has_value() && *rewritten == *text);
  }
}

// A value that is read again from its JSON fits the schema of its type, where both are not too large to be checked.
void check_schema(const Transcoder& transcoder, const MethodDescription& method, ByteView bytes) {
  constexpr std::size_t schema_bytes_max = 1 << 16;
  constexpr std::size_t depth_max = 512;  // defaults may be deep
  const ServiceDescription& service = transcoder.description();
  if (const auto arguments = arguments_schema(service, method); !arguments) {
    is_refused(arguments.error(), Code::invalid);
  }
  const std::string text = json_schema(service, method.result);
  if (text.size() > schema_bytes_max) return;
  const auto schema = JsonSchema::compile(text, {.depth_max = depth_max});
  PARLEY_ASSERT(schema.has_value(), schema.error().note, text);
  const auto value = transcoder.to_json(method.result, bytes);
  if (!value || !transcoder.to_postcard(method.result, *value)) return;
  const auto fits = schema->validate(*value);
  PARLEY_ASSERT(fits || fits.error().note.find("to be checked") != std::string::npos ||
                    fits.error().note.find("more steps") != std::string::npos,
                fits.error().note, text, *value);
}

void check_method(const Transcoder& transcoder, const MethodDescription& method, ByteView rest) {
  const std::string_view text = as_text(rest);
  const auto arguments = transcoder.arguments(method, text);
  if (!arguments) is_refused(arguments.error(), Code::json);
  check_text(transcoder, method.result, text);
  check_bytes(transcoder, method.result, rest);
  check_schema(transcoder, method, rest);
  if (const auto call = transcoder.read_arguments(method, rest)) {
    const auto again = transcoder.arguments(method, call->json);
    PARLEY_ASSERT(!again || again->channels.size() == call->channels.size());
  } else {
    is_refused(call.error(), call.error().code);
  }
  const ServiceDescription& service = transcoder.description();
  PARLEY_ASSERT(difference({service, method}, {service, method}).empty());
  for (const MethodDescription& other : service.methods) {
    PARLEY_ASSERT(is_utf8(as_bytes(difference({service, method}, {service, other}))));
  }
}

void check_input(ByteView description_bytes, ByteView rest) {
  const auto description = from_postcard<ServiceDescription>(description_bytes, Code::response);
  if (!description) return;
  DynamicOptions options;
  options.json.text_bytes_max = std::size_t{1} << 20;
  options.json.memory_max = std::size_t{1} << 20;
  const auto transcoder = Transcoder::make(*description, options);
  if (!transcoder) return is_refused(transcoder.error(), Code::response);
  PARLEY_ASSERT(check(*description).has_value());
  for (std::size_t i = 0; i < std::min(methods_tried_max, description->methods.size()); ++i) {
    check_method(*transcoder, transcoder->description().methods[i], rest);
  }
}

}  // namespace
}  // namespace parley::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // On the heap and exactly as long as it is: a read behind it is seen.
  const std::size_t length = std::min<std::size_t>(data[0] | data[1] << 8, size - 2);
  const std::vector<std::uint8_t> description(data + 2, data + 2 + length);
  const std::vector<std::uint8_t> rest(data + 2 + length, data + size);
  parley::codec::check_input(description, rest);
  return 0;
}
