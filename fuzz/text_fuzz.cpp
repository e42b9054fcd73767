// The readers of short texts: UTF-8, base64, addresses and traceparents, each over the same bytes. What is read is
// written again as it was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"
#include "codec/base64.h"
#include "codec/utf8.h"
#include "io/uri.h"
#include "wire/trace_context.h"

namespace {

using namespace parley;

void check_utf8(ByteView bytes) {
  std::vector<std::uint8_t> again;
  const std::uint8_t* cursor = bytes.data();
  const std::uint8_t* const end = cursor + bytes.size();
  while (cursor && cursor != end) {
    char32_t scalar = 0;
    cursor = codec::get_scalar(cursor, end, scalar);
    if (!cursor) break;
    PARLEY_ASSERT(codec::is_scalar(scalar));
    std::uint8_t encoded[codec::scalar_bytes_max];
    again.insert(again.end(), encoded, codec::put_scalar(encoded, scalar));
  }
  const bool is_good = cursor == end;
  PARLEY_ASSERT(codec::is_utf8(bytes) == is_good);
  PARLEY_ASSERT(std::equal(again.begin(), again.end(), bytes.begin()));

  const std::string fit = codec::to_utf8(as_text(bytes), 24);
  PARLEY_ASSERT(fit.size() <= 24 && codec::is_utf8(as_bytes(fit)));
  if (is_good)
    PARLEY_ASSERT(as_text(bytes).starts_with(fit) &&
                  fit.size() + codec::scalar_bytes_max > std::min<std::size_t>(bytes.size(), 24));
}

void check_base64(ByteView bytes) {
  std::vector<std::uint8_t> decoded;
  std::string text;
  if (codec::get_base64(as_text(bytes), decoded)) {
    codec::put_base64(text, decoded);
    PARLEY_ASSERT(text == as_text(bytes));
  }
  text.clear();
  codec::put_base64(text, bytes);
  PARLEY_ASSERT(codec::get_base64(text, decoded));
  PARLEY_ASSERT(std::equal(decoded.begin(), decoded.end(), bytes.begin(), bytes.end()));
}

void check_uri(std::string_view text) {
  const Result<io::Uri> uri = io::parse_uri(text);
  if (!uri) {
    PARLEY_ASSERT(uri.error().code == Code::uri && !uri.error().note.empty());
    return;
  }
  const Result<io::Uri> again = io::parse_uri(io::to_string(*uri));
  PARLEY_ASSERT(again.has_value() && *again == *uri);
}

void check_traceparent(std::string_view text) {
  const auto context = wire::read_traceparent(text);
  if (!context) return;
  PARLEY_ASSERT((context->trace_high | context->trace_low) != 0 && context->span != 0);
  PARLEY_ASSERT(wire::read_traceparent(wire::to_traceparent(*context)) == context);
  PARLEY_ASSERT(text.find(context->trace_id()) == 3 && text.find(wire::span_id(context->span), 36) == 36);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap and exactly as long as it is: a read behind it is seen.
  const std::vector<std::uint8_t> bytes(data, data + size);
  check_utf8(bytes);
  check_base64(bytes);
  check_uri(as_text(bytes));
  check_traceparent(as_text(bytes));
  return 0;
}
