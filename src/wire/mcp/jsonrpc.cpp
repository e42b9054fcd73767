#include "wire/mcp/jsonrpc.h"

#include <fmt/format.h>

#include <iterator>
#include <limits>
#include <utility>

#include "codec/json_object.h"
#include "codec/json_text.h"

namespace parley::wire::mcp {
namespace {

using codec::JsonKind;
using codec::JsonObject;

std::unexpected<Refusal> refuse(std::string id, std::int64_t code, std::string text) {
  return std::unexpected(Refusal{std::move(id), code, std::move(text)});
}

// What opens the text, behind blanks; 0: nothing does.
char first_letter(std::string_view text) {
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? '\0' : text[at];
}

std::int64_t error_code(const JsonObject& error) {
  const std::string_view* code = error.find("code");
  codec::JsonInteger integer;
  if (!code || codec::json_kind(*code) != JsonKind::number) return 0;
  if (codec::get_integer(*code, integer) != codec::JsonNumberFault::none) return 0;
  if (integer.magnitude > std::numeric_limits<std::int32_t>::max()) return 0;
  const auto magnitude = static_cast<std::int64_t>(integer.magnitude);
  return integer.is_negative ? -magnitude : magnitude;
}

std::expected<Message, Refusal> read_error(const JsonObject& object, std::string_view value, Message message) {
  if (object.find("result")) return refuse(std::move(message.id), invalid_request, "a result beside an error");
  if (codec::json_kind(value) != JsonKind::object) {
    return refuse(std::move(message.id), invalid_request, "`error` is no object");
  }
  const JsonObject error = JsonObject::of_checked(value);
  message.kind = Message::Kind::error;
  message.code = error_code(error);
  const std::string_view* text = error.find("message");
  if (text && codec::json_kind(*text) == JsonKind::string) message.text = codec::json_string(*text);
  if (const std::string_view* data = error.find("data")) message.data = *data;
  return message;
}

std::expected<Message, Refusal> read_method(const JsonObject& object, std::string_view value, Message message) {
  if (codec::json_kind(value) != JsonKind::string || value.size() > method_bytes_max) {
    return refuse(std::move(message.id), invalid_request, "`method` is no string, or a very long one");
  }
  message.method = codec::json_string(value);
  message.kind = object.find("id") ? Message::Kind::request : Message::Kind::notification;
  const std::string_view* params = object.find("params");
  if (!params || codec::json_kind(*params) == JsonKind::null) return message;
  if (codec::json_kind(*params) != JsonKind::object) {
    return refuse(std::move(message.id), invalid_request, "`params` is no object");
  }
  message.params = *params;
  return message;
}

std::expected<Message, Refusal> read_object(const JsonObject& object) {
  Message message;
  const std::string_view* id = object.find("id");
  const std::string_view* error = object.find("error");
  const std::string_view* method = object.find("method");
  if (id) message.id = read_id(*id);
  const bool has_id = !message.id.empty();
  const bool may_be_null = error && !method && id && codec::json_kind(*id) == JsonKind::null;
  if (id && !has_id && !may_be_null) {
    return refuse({}, invalid_request, "`id` is neither a number nor a short string");
  }
  const std::string_view* dialect = object.find("jsonrpc");
  if (!dialect || codec::json_kind(*dialect) != JsonKind::string || codec::json_string(*dialect) != "2.0") {
    return refuse(std::move(message.id), invalid_request, "`jsonrpc` is not \"2.0\"");
  }
  if (method) return read_method(object, *method, std::move(message));
  if (error) return read_error(object, *error, std::move(message));
  const std::string_view* result = object.find("result");
  if (!result) return refuse(std::move(message.id), invalid_request, "neither a method nor a result nor an error");
  if (!has_id) return refuse({}, invalid_request, "a result without an id");
  message.kind = Message::Kind::response;
  message.result = *result;
  return message;
}

void begin(std::string& out, std::string_view id) {
  out += R"({"jsonrpc":"2.0")";
  if (id.empty()) return;
  out += R"(,"id":)";
  out += id;
}

void put_method(std::string& out, std::string_view method, std::string_view params) {
  out += R"(,"method":)";
  codec::put_quoted(out, method);
  if (!params.empty()) {
    out += R"(,"params":)";
    out += params;
  }
  out += '}';
}

}  // namespace

std::string read_id(std::string_view value) {
  if (value.size() > id_bytes_max) return {};
  switch (codec::json_kind(value)) {
    case JsonKind::number: return std::string(value);
    case JsonKind::string: {
      std::string id;
      codec::put_quoted(id, codec::json_string(value));
      return id;
    }
    default: return {};
  }
}

std::expected<Message, Refusal> parse_message(std::string_view text, const MessageBounds& bounds) {
  if (text.size() > bounds.bytes_max) {
    return refuse({}, invalid_request,
                  fmt::format("a message of {} bytes, where {} are allowed", text.size(), bounds.bytes_max));
  }
  const char first = first_letter(text);
  if (first != '{') {
    const Result<void> json = codec::check_json(text, bounds.depth_max);
    if (!json) return refuse({}, parse_error, json.error().note);
    return refuse({}, invalid_request, first == '[' ? "batches are not spoken here" : "a message is an object");
  }
  const Result<JsonObject> object = JsonObject::parse(text, bounds.depth_max);
  if (!object) return refuse({}, parse_error, object.error().note);
  return read_object(*object);
}

std::string encode_request(std::string_view id, std::string_view method, std::string_view params) {
  PARLEY_ASSERT(!id.empty());
  std::string out;
  begin(out, id);
  put_method(out, method, params);
  return out;
}

std::string encode_notification(std::string_view method, std::string_view params) {
  std::string out;
  begin(out, {});
  put_method(out, method, params);
  return out;
}

std::string encode_response(std::string_view id, std::string_view result) {
  PARLEY_ASSERT(!id.empty() && !result.empty());
  std::string out;
  out.reserve(result.size() + id.size() + 40);
  begin(out, id);
  out += R"(,"result":)";
  out += result;
  out += '}';
  return out;
}

std::string encode_error(std::string_view id, std::int64_t code, std::string_view text, std::string_view data) {
  std::string out;
  begin(out, id.empty() ? "null" : id);
  fmt::format_to(std::back_inserter(out), R"(,"error":{{"code":{},"message":)", code);
  codec::put_quoted(out, text);
  if (!data.empty()) {
    out += R"(,"data":)";
    out += data;
  }
  out += "}}";
  return out;
}

}  // namespace parley::wire::mcp
