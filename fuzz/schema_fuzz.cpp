// A schema up to the first zero byte, and behind it a text that is held against it. What is refused says why; a schema
// that is taken as it is is taken as well where more is allowed, and decides the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "codec/schema_validator.h"
#include "codec/utf8.h"

namespace {

using namespace parley;
using codec::JsonSchema;

void is_refused(const Error& error, Code code) {
  PARLEY_ASSERT(error.code == code);
  PARLEY_ASSERT(!error.note.empty() && codec::is_utf8(as_bytes(error.note)), error.note);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap and exactly as long as they are: a read behind them is seen.
  const std::uint8_t* const zero = std::find(data, data + size, std::uint8_t{0});
  const std::vector<std::uint8_t> schema(data, zero);
  const std::vector<std::uint8_t> value(zero == data + size ? zero : zero + 1, data + size);

  const Result<JsonSchema> strict = JsonSchema::compile(as_text(schema));
  if (!strict) is_refused(strict.error(), Code::invalid);
  const Result<JsonSchema> lenient = JsonSchema::compile(as_text(schema), {.allows_more = true});
  if (!lenient) {
    is_refused(lenient.error(), Code::invalid);
    PARLEY_ASSERT(!strict);
    return 0;
  }
  const Result<void> fits = lenient->validate(as_text(value));
  if (!fits) is_refused(fits.error(), Code::arguments);
  if (strict) PARLEY_ASSERT(strict->validate(as_text(value)) == fits);
  return 0;
}
