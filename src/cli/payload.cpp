#include "cli/payload.h"

#include <algorithm>

#include "codec/base64.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::cli {

std::vector<std::uint8_t> payload_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string payload_member(ByteView payload, bool is_json) {
  std::string text(as_text(payload));
  if (is_json && codec::check_json(text)) {
    // Between its tokens alone: texts in JSON have none.
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return "\"json\":" + text;
  }
  std::string member;
  if (codec::is_utf8(payload)) {
    member = "\"text\":";
    codec::put_quoted(member, text);
  } else {
    member = "\"base64\":\"";
    codec::put_base64(member, payload);
    member += '"';
  }
  return member;
}

}  // namespace parley::cli
