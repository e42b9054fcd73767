#include "wire/mcp/sse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/assert.h"
#include "codec/utf8.h"

namespace parley::wire::mcp {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_one_line(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

void put_field(std::string& out, std::string_view field, std::string_view value) {
  out += field;
  out += ": ";
  out += value;
  out += '\n';
}

}  // namespace

void append_sse_event(std::string& out, std::string_view id, std::string_view name, std::string_view data) {
  PARLEY_ASSERT(is_one_line(id) && is_one_line(name));
  if (!id.empty()) put_field(out, "id", id);
  put_field(out, "event", name);
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(data.find_first_of("\r\n", at), data.size());
    put_field(out, "data", data.substr(at, end - at));
    if (end == data.size()) break;
    const bool is_pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    at = end + (is_pair ? 2 : 1);
  }
  out += '\n';
}

void append_sse_priming(std::string& out, std::string_view id, std::optional<std::uint32_t> retry_ms) {
  PARLEY_ASSERT(is_one_line(id));
  put_field(out, "id", id);
  if (retry_ms) fmt::format_to(std::back_inserter(out), "retry: {}\n", *retry_ms);
  out += "data:\n\n";
}

void append_sse_comment(std::string& out) { out += ":\n\n"; }

Result<void> SseParser::add(ByteView bytes, std::vector<SseEvent>& events) {
  if (failed_) return fail(*failed_);
  std::string_view text = as_text(bytes);
  while (!text.empty()) {
    if (is_after_return_) {
      is_after_return_ = false;
      if (text.front() == '\n') {
        text.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    Result<void> taken;
    if (line_.size() + end + data_.size() > bytes_max_) {
      taken = fail(Code::too_large, fmt::format("an event of more than {} bytes", bytes_max_));
    } else if (end == text.size()) {
      line_ += text;
    } else if (line_.empty()) {
      taken = take_line(text.substr(0, end), events);
    } else {
      line_ += text.substr(0, end);
      taken = take_line(line_, events);
      line_.clear();
    }
    if (!taken) {
      failed_ = taken.error();
      return taken;
    }
    if (end == text.size()) break;
    is_after_return_ = text[end] == '\r';
    text.remove_prefix(end + 1);
  }
  return {};
}

Result<void> SseParser::take_line(std::string_view line, std::vector<SseEvent>& events) {
  if (!codec::is_utf8(as_bytes(line))) return fail(Code::message, "an event stream that is no UTF-8");
  if (is_first_line_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  is_first_line_ = false;
  if (line.empty()) {
    end_event(events);
    return {};
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  return take_field(line.substr(0, colon), value);
}

Result<void> SseParser::take_field(std::string_view field, std::string_view value) {
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    if (value.size() > id_bytes_max) return fail(Code::too_large, "an event with a very long name");
    name_ = value;
  } else if (field == "id") {
    if (value.size() > id_bytes_max) return fail(Code::too_large, "an event with a very long id");
    if (!value.contains('\0')) last_id_ = value;
  } else if (field == "retry") {
    const bool is_number = !value.empty() && value.size() <= 9 && value.find_first_not_of("0123456789") == value.npos;
    if (!is_number) return {};
    std::uint32_t sum = 0;
    for (const char digit : value) sum = sum * 10 + static_cast<std::uint32_t>(digit - '0');
    retry_ms_ = sum;
  }
  return {};
}

void SseParser::end_event(std::vector<SseEvent>& events) {
  if (has_data_) events.push_back({last_id_, name_.empty() ? "message" : name_, std::move(data_)});
  data_.clear();
  name_.clear();
  has_data_ = false;
}

}  // namespace parley::wire::mcp
