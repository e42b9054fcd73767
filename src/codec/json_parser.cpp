#include "codec/json_parser.h"

#include <string>

#include "base/assert.h"

// Boost.JSON is compiled into this file under a namespace of our own, so that a program which has a Boost.JSON too,
// perhaps of another version, links with Parley.
#define json parley_json
#define BOOST_JSON_SOURCE
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/detail/impl/default_resource.ipp>
#include <boost/json/detail/impl/except.ipp>
#include <boost/json/detail/impl/shared_resource.ipp>
#include <boost/json/detail/impl/stack.ipp>
#include <boost/json/impl/error.ipp>
#undef json

namespace parley::codec {
namespace {

namespace json = boost::parley_json;

// Hands the events of the library on, strings that come in parts as one, and counts them: each is one token.
class Handler {
 public:
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  explicit Handler(JsonEvents& events) : events_(&events) {}

  std::size_t token_count() const { return token_count_; }
  bool is_stopped() const { return is_stopped_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_null(json::error_code& error) { return next(events_->on_null(), error); }
  bool on_bool(bool value, json::error_code& error) { return next(events_->on_bool(value), error); }
  // The value that was found is not used: a double of this version may be off by a bit, and 128 bits it has none.
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view number, json::error_code& error) { return on_number(number, error); }
  bool on_uint64(std::uint64_t, json::string_view number, json::error_code& error) { return on_number(number, error); }
  bool on_double(double, json::string_view number, json::error_code& error) { return on_number(number, error); }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return keep(part); }
  bool on_string(json::string_view text, std::size_t, json::error_code& error) {
    return next(events_->on_string(whole(text)), error);
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return keep(part); }
  bool on_key(json::string_view text, std::size_t, json::error_code& error) {
    return next(events_->on_key(whole(text)), error);
  }
  bool on_array_begin(json::error_code& error) { return next(events_->on_array_begin(), error); }
  bool on_array_end(std::size_t, json::error_code& error) { return next(events_->on_array_end(), error); }
  bool on_object_begin(json::error_code& error) { return next(events_->on_object_begin(), error); }
  bool on_object_end(std::size_t, json::error_code& error) { return next(events_->on_object_end(), error); }
  // Comments are off.
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool next(bool goes_on, json::error_code& error) {
    ++token_count_;
    parts_.clear();
    if (goes_on) return true;
    is_stopped_ = true;
    error = json::make_error_code(json::error::incomplete);  // the library demands one
    return false;
  }
  bool on_number(json::string_view number, json::error_code& error) {
    return next(events_->on_number({number.data(), number.size()}), error);
  }
  bool keep(json::string_view part) {
    parts_.append(part.data(), part.size());
    return true;
  }
  std::string_view whole(json::string_view text) {
    if (parts_.empty()) return {text.data(), text.size()};
    keep(text);
    return parts_;
  }

  JsonEvents* events_;
  std::string parts_;
  std::size_t token_count_ = 0;
  bool is_stopped_ = false;
};

// Where the token with that number, from 1, begins in a text that is good up to it.
std::size_t token_begin(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  for (;;) {
    at = text.find_first_not_of(" \t\r\n,:", at);
    PARLEY_ASSERT(at != std::string_view::npos);
    if (--number == 0) return at;
    if (text[at] == '"') {
      for (++at; text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
      ++at;
    } else if (std::string_view("{}[]").contains(text[at])) {
      ++at;
    } else {
      at = text.find_first_of(" \t\r\n,:{}[]\"", at);
    }
  }
}

JsonParse::End end_of(json::error_code error) {
  using enum JsonParse::End;
  if (error == json::error::incomplete) return cut_off;
  if (error == json::error::too_deep) return depth;
  if (error == json::error::exponent_overflow) return exponent;
  if (error == json::error::expected_hex_digit || error == json::error::illegal_leading_surrogate ||
      error == json::error::illegal_trailing_surrogate) {
    return escape;
  }
  return unexpected;
}

}  // namespace

JsonParse parse_json(std::string_view text, JsonEvents& events, std::size_t depth_max) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<Handler> parser(options, events);
  json::error_code error;
  const std::size_t at = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().is_stopped()) {
    return {JsonParse::End::stopped, token_begin(text, parser.handler().token_count())};
  }
  // A number that breaks off is called a mistake by the library.
  if (error) return {at == text.size() ? JsonParse::End::cut_off : end_of(error), at};
  if (at < text.size()) return {JsonParse::End::left_over, at};
  return {JsonParse::End::finished, at};
}

JsonPosition position_in(std::string_view text, std::size_t at) {
  JsonPosition position;
  for (const char letter : text.substr(0, at)) {
    if (letter == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<std::uint8_t>(letter) & 0xc0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

}  // namespace parley::codec
