#include "wire/command/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "wire/command/meta.h"

namespace parley::wire::command {

using codec::JsonKind;
using codec::JsonMember;
using codec::JsonObject;

namespace {

constexpr std::array<std::string_view, 5> error_names = {"not_found", "invalid_request", "internal_error", "timeout",
                                                         "channel_disconnected"};
// In the order of Body's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Body>> type_names = {"register.command.request",
                                                                                "register.command.response",
                                                                                "list.commands.request",
                                                                                "list.commands.response",
                                                                                "execute.command.request",
                                                                                "execute.command.response",
                                                                                "event",
                                                                                "parley.cancel",
                                                                                "parley.progress",
                                                                                "parley.unregister",
                                                                                "parley.interest"};
constexpr std::size_t first_extended = 7;

std::string compact(std::string_view value) {
  std::string out;
  codec::append_compact(out, value);
  return out;
}

// Takes the members of one object, each at most once; what is left over is unknown here. The first mistake stays.
class Members {
 public:
  Members(const JsonObject& object, std::string_view where) : where_(where) {
    left_.reserve(object.members().size());
    for (const JsonMember& member : object.members()) left_.push_back(&member);
  }

  const std::string_view* take(std::string_view key) {
    const auto found =
        std::ranges::find(left_, key, [](const JsonMember* each) -> std::string_view { return each->key; });
    if (found == left_.end()) return nullptr;
    // A second one of that name would be passed on, and be the one that counts for somebody else.
    const std::string_view* value = &(*found)->value;
    std::erase_if(left_, [&](const JsonMember* each) { return each->key == key; });
    return value;
  }
  // Null counts as absent.
  const std::string_view* take_optional(std::string_view key) {
    const std::string_view* value = take(key);
    return value && codec::json_kind(*value) != JsonKind::null ? value : nullptr;
  }
  const std::string_view* take_required(std::string_view key, JsonKind kind, std::string_view words) {
    const std::string_view* value = take(key);
    if (value && codec::json_kind(*value) == kind) return value;
    complain(fmt::format("{}{} is {}", where_, key, words));
    return nullptr;
  }
  std::string take_text(std::string_view key, std::size_t bytes_max) {
    const std::string_view* value = take_required(key, JsonKind::string, "a string");
    std::string text = value ? codec::json_string(*value) : std::string();
    if (value && (text.empty() || text.size() > bytes_max)) {
      complain(fmt::format("{}{} is between 1 and {} bytes long", where_, key, bytes_max));
    }
    return text;
  }
  std::string take_value(std::string_view key) {
    const std::string_view* value = take(key);
    return value ? compact(*value) : std::string();
  }
  std::optional<bool> take_bool(std::string_view key) {
    const std::string_view* value = take_optional(key);
    if (value && codec::json_kind(*value) != JsonKind::boolean) complain(fmt::format("{}{} is a boolean", where_, key));
    return value ? std::optional(*value == "true") : std::nullopt;
  }
  // What is no number counts as absent.
  std::uint32_t take_number(std::string_view key, std::uint32_t number_max) {
    const std::string_view* value = take(key);
    return value ? number_of(*value, number_max) : 0;
  }
  static std::uint32_t number_of(std::string_view value, std::uint32_t number_max) {
    codec::JsonInteger number;
    if (codec::json_kind(value) != JsonKind::number) return 0;
    const codec::JsonNumberFault fault = codec::get_integer(value, number);
    if (fault == codec::JsonNumberFault::fraction || number.is_negative) return 0;
    const bool is_large = fault != codec::JsonNumberFault::none || number.magnitude > number_max;
    return is_large ? number_max : static_cast<std::uint32_t>(number.magnitude);
  }
  std::string take_rest() {
    std::string rest;
    for (const JsonMember* each : left_) {
      if (!rest.empty()) rest += ',';
      codec::put_quoted(rest, each->key);
      rest += ':';
      codec::append_compact(rest, each->value);
    }
    return rest;
  }

  void complain(std::string why) {
    if (error_.note.empty()) error_ = {Code::message, std::move(why)};
  }
  const Error& error() const { return error_; }
  bool is_good() const { return error_.note.empty(); }

 private:
  std::string_view where_;
  std::vector<const JsonMember*> left_;
  Error error_;
};

class Parser {
 public:
  Parser(const JsonObject& object, const Bounds& bounds) : members_(object, ""), bounds_(bounds) {}

  Members& members() { return members_; }

  Body take_body(std::size_t type) {
    switch (type) {
      case 0: return take_register();
      case 1: return take_register_response();
      case 2: return ListRequest();
      case 3: return take_list();
      case 4: return take_execute();
      case 5: return take_execute_response();
      case 6: return Event{members_.take_text("eventId", bounds_.id_bytes_max), members_.take_value("payload")};
      case 7: return Cancel{take_thread()};
      case 8: return Progress{take_thread(), members_.take_value("content")};
      case 9: return Unregister{take_texts("commands", bounds_.definitions_max)};
      default: {
        Interest interest;
        interest.patterns = take_texts("patterns", bounds_.patterns_max);
        interest.wants_commands = members_.take_bool("commands").value_or(false);
        interest.hops = take_hops(interest.patterns.size());
        return interest;
      }
    }
  }

 private:
  std::string take_thread() { return members_.take_text("thid", bounds_.id_bytes_max); }

  RegisterRequest take_register() {
    const std::string_view* command = members_.take_required("command", JsonKind::object, "an object");
    return {command ? take_definition(*command) : Definition()};
  }

  Definition take_definition(std::string_view text) {
    // It is passed on in messages that are deeper than the one it came in.
    if (!codec::check_json(text, bounds_.depth_max / 2)) members_.complain("command is nested too deep");
    const JsonObject object = JsonObject::of_checked(text);
    Members members(object, "command.");
    Definition definition;
    definition.id = members.take_text("id", bounds_.id_bytes_max);
    if (const std::string_view* value = members.take_optional("description")) {
      if (codec::json_kind(*value) == JsonKind::string) {
        definition.description = codec::json_string(*value);
      } else {
        members.complain("command.description is a string");
      }
    }
    if (const std::string_view* value = members.take_optional("schema")) {
      if (codec::json_kind(*value) != JsonKind::object) members.complain("command.schema is an object");
      definition.schema = compact(*value);
    }
    if (const std::string_view* value = members.take_optional("annotations");
        value && codec::json_kind(*value) == JsonKind::object) {
      const JsonObject said = JsonObject::of_checked(*value);
      Members annotations(said, "command.annotations.");
      definition.annotations = {annotations.take_bool("readOnly"), annotations.take_bool("destructive"),
                                annotations.take_bool("idempotent"), annotations.take_bool("content").value_or(false)};
      if (!annotations.is_good()) members.complain(annotations.error().note);
    }
    definition.hops = members.take_number(hops_key, hops_max + 1);
    if (const std::string_view* value = members.take_optional(provider_key);
        value && codec::json_kind(*value) == JsonKind::string) {
      definition.provider = codec::json_string(*value);
    }
    definition.rest = members.take_rest();
    if (!members.is_good()) members_.complain(members.error().note);
    return definition;
  }

  RegisterResponse take_register_response() {
    RegisterResponse response{.thread = take_thread()};
    const std::string_view* said = members_.take_required("response", JsonKind::object, "an object");
    if (said) response.is_ok = take_ok(JsonObject::of_checked(*said));
    return response;
  }
  bool take_ok(const JsonObject& said) {
    const std::string_view* ok = said.find("ok");
    if (!ok || codec::json_kind(*ok) != JsonKind::boolean) members_.complain("response.ok is a boolean");
    return ok && *ok == "true";
  }

  ListResponse take_list() {
    ListResponse list{.thread = take_thread(), .commands = {}};
    const std::string_view* commands = members_.take_required("commands", JsonKind::array, "an array");
    if (!commands) return list;
    const auto elements = codec::json_elements(*commands);
    if (elements.size() > bounds_.definitions_max) {
      members_.complain(fmt::format("commands has at most {} elements", bounds_.definitions_max));
      return list;
    }
    for (const std::string_view each : elements) {
      if (codec::json_kind(each) == JsonKind::object) {
        list.commands.push_back(take_definition(each));
      } else {
        members_.complain("commands has objects in it");
      }
    }
    return list;
  }

  ExecuteRequest take_execute() {
    ExecuteRequest execute{.command = members_.take_text("commandId", bounds_.id_bytes_max), .request = {}};
    const std::string_view* request = members_.take_optional("request");
    if (request && codec::json_kind(*request) != JsonKind::object) members_.complain("request is an object");
    if (request) execute.request = compact(*request);
    return execute;
  }

  ExecuteResponse take_execute_response() {
    ExecuteResponse response{.thread = take_thread(), .error = {}, .result = {}};
    const std::string_view* said = members_.take_required("response", JsonKind::object, "an object");
    if (!said) return response;
    const JsonObject object = JsonObject::of_checked(*said);
    if (take_ok(object)) {
      if (const std::string_view* result = object.find("result")) response.result = compact(*result);
      return response;
    }
    const std::string_view* error = object.find("error");
    if (!error || codec::json_kind(*error) != JsonKind::object) {
      members_.complain("response.error is an object");
    } else {
      const JsonObject says = JsonObject::of_checked(*error);
      response.error = take_error(says);
    }
    return response;
  }
  ExecuteError take_error(const JsonObject& object) {
    Members members(object, "response.error.");
    ExecuteError error;
    const std::string code = members.take_text("code", bounds_.id_bytes_max);
    const auto found = std::ranges::find(error_names, code);
    if (found == error_names.end()) {
      members.complain("response.error.code is none of the five that there are");
    } else {
      error.code = static_cast<ErrorCode>(found - error_names.begin());
    }
    if (const auto* message = members.take_required("message", JsonKind::string, "a string")) {
      error.message = codec::json_string(*message);
    }
    if (!members.is_good()) members_.complain(members.error().note);
    return error;
  }

  std::vector<std::uint32_t> take_hops(std::size_t count_max) {
    std::vector<std::uint32_t> hops;
    const std::string_view* value = members_.take_optional("hops");
    if (!value || codec::json_kind(*value) != JsonKind::array) return hops;
    for (const std::string_view each : codec::json_elements(*value)) {
      if (hops.size() < count_max) hops.push_back(Members::number_of(each, hops_max + 1));
    }
    return hops;
  }

  std::vector<std::string> take_texts(std::string_view key, std::size_t count_max) {
    std::vector<std::string> texts;
    const std::string_view* value = members_.take_required(key, JsonKind::array, "an array");
    if (!value) return texts;
    const auto elements = codec::json_elements(*value);
    if (elements.size() > count_max) {
      members_.complain(fmt::format("{} has at most {} elements", key, count_max));
      return texts;
    }
    for (const std::string_view each : elements) {
      if (codec::json_kind(each) != JsonKind::string) {
        members_.complain(fmt::format("{} has strings in it", key));
        break;
      }
      texts.push_back(codec::json_string(each));
    }
    return texts;
  }

  Members members_;
  const Bounds& bounds_;
};

// Writes the members of an object, in braces.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_ += '{'; }
  ~Writer() { out_ += '}'; }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::string& key(std::string_view name) {
    if (!is_first_) out_ += ',';
    is_first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void text(std::string_view name, std::string_view value) { codec::put_quoted(key(name), value); }
  void json(std::string_view name, std::string_view value) {
    if (!value.empty()) key(name) += value;
  }
  void boolean(std::string_view name, std::optional<bool> value) {
    if (value) key(name) += *value ? "true" : "false";
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    key(name) += '[';
    for (const std::string& each : values) {
      if (&each != &values.front()) out_ += ',';
      codec::put_quoted(out_, each);
    }
    out_ += ']';
  }
  // Members that are JSON already.
  void rest(std::string_view members) {
    if (members.empty()) return;
    if (!is_first_) out_ += ',';
    is_first_ = false;
    out_ += members;
  }

 private:
  std::string& out_;
  bool is_first_ = true;
};

void put_definition(std::string& out, const Definition& definition, bool is_extended) {
  Writer object(out);
  object.text("id", definition.id);
  if (definition.description) object.text("description", *definition.description);
  object.json("schema", definition.schema);
  if (is_extended && definition.annotations != Annotations()) {
    Writer annotations(object.key("annotations"));
    annotations.boolean("readOnly", definition.annotations.is_read_only);
    annotations.boolean("destructive", definition.annotations.is_destructive);
    annotations.boolean("idempotent", definition.annotations.is_idempotent);
    if (definition.annotations.returns_content) annotations.boolean("content", true);
  }
  if (is_extended && definition.hops != 0) object.key(hops_key) += fmt::format("{}", definition.hops);
  if (is_extended && !definition.provider.empty()) object.text(provider_key, definition.provider);
  object.rest(definition.rest);
}

// Writes what a body has beyond id and type.
struct BodyWriter {
  Writer& object;
  bool is_extended;

  void operator()(const RegisterRequest& body) const {
    put_definition(object.key("command"), body.command, is_extended);
  }
  void operator()(const RegisterResponse& body) const {
    object.text("thid", body.thread);
    object.json("response", body.is_ok ? R"({"ok":true})" : R"({"ok":false,"error":"duplicate_command"})");
  }
  void operator()(const ListRequest&) const {}
  void operator()(const ListResponse& body) const {
    object.text("thid", body.thread);
    std::string& out = object.key("commands");
    out += '[';
    for (const Definition& each : body.commands) {
      if (&each != &body.commands.front()) out += ',';
      put_definition(out, each, is_extended);
    }
    out += ']';
  }
  void operator()(const ExecuteRequest& body) const {
    object.text("commandId", body.command);
    object.json("request", body.request);
  }
  void operator()(const ExecuteResponse& body) const {
    object.text("thid", body.thread);
    Writer response(object.key("response"));
    response.boolean("ok", !body.error);
    if (body.error) {
      Writer error(response.key("error"));
      error.text("code", to_string(body.error->code));
      error.text("message", body.error->message);
    } else {
      response.json("result", body.result);
    }
  }
  void operator()(const Event& body) const {
    object.text("eventId", body.event);
    object.json("payload", body.payload);
  }
  void operator()(const Cancel& body) const { object.text("thid", body.thread); }
  void operator()(const Progress& body) const {
    object.text("thid", body.thread);
    object.json("content", body.content);
  }
  void operator()(const Unregister& body) const { object.texts("commands", body.commands); }
  void operator()(const Interest& body) const {
    object.texts("patterns", body.patterns);
    if (body.wants_commands) object.boolean("commands", true);
    const auto is_far = [](std::uint32_t hops) { return hops != 0; };
    if (std::ranges::any_of(body.hops, is_far)) object.key("hops") += fmt::format("[{}]", fmt::join(body.hops, ","));
  }
};

std::string_view schema_part(const Definition& definition, std::string_view key) {
  if (definition.schema.empty()) return {};
  const JsonObject object = JsonObject::of_checked(definition.schema);
  const std::string_view* part = object.find(key);
  return part && codec::json_kind(*part) != JsonKind::null ? *part : std::string_view();
}

Malformed::Asks asks_of(std::size_t type) {
  if (type == 0) return Malformed::Asks::to_register;
  return type == 4 ? Malformed::Asks::to_execute : Malformed::Asks::nothing;
}

}  // namespace

std::string_view to_string(ErrorCode code) { return error_names[static_cast<std::size_t>(code)]; }

std::string_view type_of(const Message& message) { return type_names[message.body.index()]; }

std::string_view request_schema(const Definition& definition) { return schema_part(definition, "request"); }
std::string_view response_schema(const Definition& definition) { return schema_part(definition, "response"); }

std::string schema_of(std::string_view request, std::string_view response) {
  std::string schema;
  if (request.empty() && response.empty()) return schema;
  {
    Writer object(schema);
    object.json("request", request);
    object.json("response", response);
  }
  return schema;
}

std::variant<Message, Malformed> parse(std::string_view text, bool is_extended, const Bounds& bounds) {
  const auto object = JsonObject::parse(text, bounds.depth_max);
  if (!object) return Malformed{{Code::message, object.error().note}};
  Parser parser(*object, bounds);
  Members& members = parser.members();
  std::string id = members.take_text("id", bounds.id_bytes_max);
  const std::string type = members.take_text("type", bounds.id_bytes_max);
  if (!members.is_good()) return Malformed{members.error()};
  const auto found = std::ranges::find(type_names, type);
  const auto index = static_cast<std::size_t>(found - type_names.begin());
  if (index >= (is_extended ? type_names.size() : first_extended)) {
    return Malformed{{Code::message, fmt::format("there are no messages of type {}", codec::quoted_start(type))}};
  }
  Message message{.id = std::move(id), .body = parser.take_body(index)};
  if (const std::string_view* meta = members.take_optional("_meta")) {
    if (codec::json_kind(*meta) != JsonKind::object) members.complain("_meta is an object");
    if (meta->size() > bounds.meta_bytes_max) {
      members.complain(fmt::format("_meta has more than {} bytes", bounds.meta_bytes_max));
    }
    message.meta = compact(*meta);
  }
  if (!members.is_good()) return Malformed{members.error(), asks_of(index), std::move(message.id)};
  message.rest = members.take_rest();
  return message;
}

std::string encode(const Message& message, bool is_extended) {
  PARLEY_ASSERT(is_extended || message.body.index() < first_extended);
  std::string out;
  {
    Writer object(out);
    object.text("id", message.id);
    object.text("type", type_of(message));
    std::visit(BodyWriter{object, is_extended}, message.body);
    object.json("_meta", message.meta);
    object.rest(message.rest);
  }
  return out;
}

std::string encode(const Definition& definition) {
  std::string out;
  put_definition(out, definition, false);
  return out;
}

}  // namespace parley::wire::command
