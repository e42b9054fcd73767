#include "wire/hostpipe/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "codec/json_object.h"
#include "codec/json_text.h"

namespace parley::wire::hostpipe {

using codec::JsonKind;
using codec::JsonMember;
using codec::JsonObject;

namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view report_prefix = "report_";
constexpr std::string_view action_failed = "saga_action_failed";
constexpr std::string_view command_kind = "command";
constexpr std::string_view event_kind = "event";
// Of what is carried: there is room for a list of events around the line.
constexpr std::size_t depth_max = codec::json_depth_default - 2;

constexpr std::array<std::string_view, 4> names_of_commands = {"kind", "cmd", "saga_id", "nonce"};
constexpr std::array<std::string_view, 3> names_of_events = {"kind", "event", "version"};
constexpr std::array<std::string_view, 6> events_of_launchers = {"registered", "pong",       "error",
                                                                 "snapshot",   "event_list", "withheld"};
constexpr std::array<std::string_view, 4> names_of_reports = {"cmd", "saga_id", "nonce", "request_id"};

bool is_one_of(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

std::unexpected<Error> malformed(std::string note) { return fail(Code::message, std::move(note)); }

Result<std::string> as_member(std::string_view name, std::string_view value) {
  PARLEY_TRY(codec::check_json(value, depth_max - 1));
  std::string out = fmt::format("\"{}\":", name);
  codec::append_compact(out, value);
  return out;
}

// The other members, in one line.
std::string rest_of(const JsonObject& object, Names known) {
  std::string rest;
  for (const JsonMember& each : object.members()) {
    if (is_one_of(known, each.key)) continue;
    if (!rest.empty()) rest += ',';
    codec::put_quoted(rest, each.key);
    rest += ':';
    codec::append_compact(rest, each.value);
  }
  return rest;
}

const std::string_view* find(const JsonObject& object, std::string_view key) {
  const std::string_view* const value = object.find(key);
  return value && codec::json_kind(*value) != JsonKind::null ? value : nullptr;
}

// Nothing where there is none, or it is something else.
std::optional<std::string> text_in(const JsonObject& object, std::string_view key) {
  const std::string_view* const value = find(object, key);
  if (!value || codec::json_kind(*value) != JsonKind::string) return std::nullopt;
  return codec::json_string(*value);
}

Result<std::string> name_in(const JsonObject& object, std::string_view key) {
  auto name = text_in(object, key);
  if (!name) return malformed(fmt::format("{} is a string", key));
  if (name->empty() || name->size() > name_bytes_max) {
    return malformed(fmt::format("{} is between 1 and {} bytes long", key, name_bytes_max));
  }
  return *std::move(name);
}

Result<std::optional<std::uint64_t>> number_in(const JsonObject& object, std::string_view key,
                                               std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  const std::string_view* const value = find(object, key);
  if (!value) return std::nullopt;
  codec::JsonInteger number;
  const bool is_number = codec::json_kind(*value) == JsonKind::number &&
                         codec::get_integer(*value, number) == codec::JsonNumberFault::none;
  if (!is_number || number.is_negative || number.magnitude > most) {
    return malformed(fmt::format("{} is an integer between 0 and {}", key, most));
  }
  return static_cast<std::uint64_t>(number.magnitude);
}

// 0 says that there is none.
Result<std::optional<std::uint64_t>> saga_in(const JsonObject& object) {
  PARLEY_TRY(auto saga, number_in(object, "saga_id"));
  if (saga && *saga == 0) saga.reset();
  return saga;
}

Result<std::string> request_id_in(const JsonObject& object) {
  const std::string_view* const value = find(object, "request_id");
  if (!value) return std::string();
  const JsonKind kind = codec::json_kind(*value);
  if ((kind != JsonKind::string && kind != JsonKind::number) || value->size() > request_id_bytes_max) {
    return malformed(fmt::format("request_id is a string or a number, at most {} bytes long", request_id_bytes_max));
  }
  return std::string(*value);
}

Result<JsonObject> object_in(std::string_view text) {
  auto object = JsonObject::parse(text);
  if (!object) return malformed(object.error().note);
  return object;
}

Result<HostBody> body_of_host(std::string name, const JsonObject& object) {
  if (name == "register") {
    PARLEY_TRY(auto kind, name_in(object, "kind"));
    PARLEY_TRY(const auto pid, number_in(object, "pid", std::numeric_limits<std::uint32_t>::max()));
    if (pid.value_or(0) == 0) return malformed("pid is the number of a process");
    return Register{std::move(kind), static_cast<std::uint32_t>(*pid), text_in(object, "token").value_or("")};
  }
  if (name == "ping") return Ping();
  if (name == "goodbye") return Goodbye();
  if (name == "get_snapshot") return GetSnapshot();
  if (name == "get_events") {
    PARLEY_TRY(const auto since, number_in(object, "since"));
    return GetEvents{since.value_or(0)};
  }
  PARLEY_TRY(const auto saga, saga_in(object));
  PARLEY_TRY(const auto nonce, number_in(object, "nonce"));
  const bool is_report = name.starts_with(report_prefix) && name.size() > report_prefix.size();
  const std::string_view fact = is_report ? std::string_view(name).substr(report_prefix.size()) : name;
  // Of the facts it is the one that is told with `report_` and without.
  if (fact == action_failed) {
    if (!saga) return malformed("saga_id says which action failed");
    return ActionFailed{*saga, text_in(object, "reason").value_or("")};
  }
  if (nonce) return Alive{std::move(name), *nonce, rest_of(object, names_of_reports)};
  if (is_report) return Report{std::string(fact), saga, rest_of(object, names_of_reports)};
  return Other{std::move(name)};
}

void put_member(std::string& out, std::string_view key, std::string_view text) {
  out += fmt::format(",\"{}\":", key);
  codec::put_quoted(out, text);
}
void put_number(std::string& out, std::string_view key, std::uint64_t number) {
  out += fmt::format(",\"{}\":{}", key, number);
}
void put_rest(std::string& out, std::string_view rest) {
  if (rest.empty()) return;
  out += ',';
  out += rest;
}

struct EncodeBody {
  std::string& out;

  void name(std::string_view cmd) const {
    out = R"({"cmd":)";
    codec::put_quoted(out, cmd);
  }
  void operator()(const Register& said) const {
    name("register");
    put_member(out, "kind", said.kind);
    put_number(out, "pid", said.pid);
    if (!said.token.empty()) put_member(out, "token", said.token);
  }
  void operator()(const Ping&) const { name("ping"); }
  void operator()(const Goodbye&) const { name("goodbye"); }
  void operator()(const GetSnapshot&) const { name("get_snapshot"); }
  void operator()(const GetEvents& said) const {
    name("get_events");
    put_number(out, "since", said.since);
  }
  void operator()(const Report& said) const {
    name(std::string(report_prefix) + said.name);
    if (said.saga) put_number(out, "saga_id", *said.saga);
    put_rest(out, said.rest);
  }
  void operator()(const ActionFailed& said) const {
    name(action_failed);
    put_number(out, "saga_id", said.saga);
    put_member(out, "reason", said.reason);
  }
  void operator()(const Alive& said) const {
    name(said.name);
    put_number(out, "nonce", said.nonce);
    put_rest(out, said.rest);
  }
  void operator()(const Other& said) const { name(said.name); }
};

}  // namespace

Result<LauncherLine> parse_of_launcher(std::string_view text) {
  PARLEY_TRY(const auto object, object_in(text));
  const auto kind = text_in(object, "kind");
  if (kind == command_kind && text_in(object, "cmd")) {
    PARLEY_TRY(auto name, name_in(object, "cmd"));
    PARLEY_TRY(const auto saga, saga_in(object));
    PARLEY_TRY(const auto nonce, number_in(object, "nonce"));
    return Command{std::move(name), saga, nonce, rest_of(object, names_of_commands)};
  }
  PARLEY_TRY(auto name, name_in(object, "event"));
  PARLEY_TRY(const auto version, number_in(object, "version"));
  // An event that is no envelope may have a `kind` of its own.
  const Names known = Names(names_of_events).subspan(kind == event_kind ? 0 : 1);
  return Event{std::move(name), version, rest_of(object, known)};
}

Result<HostLine> parse_of_host(std::string_view text) {
  PARLEY_TRY(const auto object, object_in(text));
  PARLEY_TRY(auto name, name_in(object, "cmd"));
  PARLEY_TRY(auto request_id, request_id_in(object));
  PARLEY_TRY(auto body, body_of_host(std::move(name), object));
  return HostLine{std::move(body), std::move(request_id)};
}

std::string encode(const Command& command) {
  std::string out = R"({"kind":"command","cmd":)";
  codec::put_quoted(out, command.name);
  if (command.saga) put_number(out, "saga_id", *command.saga);
  if (command.nonce) put_number(out, "nonce", *command.nonce);
  put_rest(out, command.rest);
  out += '}';
  return out;
}

std::string encode(const Event& event) {
  std::string out = R"({"event":)";
  codec::put_quoted(out, event.name);
  put_rest(out, event.rest);
  if (event.version) put_number(out, "version", *event.version);
  out += '}';
  return out;
}

std::string encode(const HostLine& line) {
  std::string out;
  std::visit(EncodeBody{out}, line.body);
  if (!line.request_id.empty()) out += ",\"request_id\":" + line.request_id;
  out += '}';
  return out;
}

Result<void> check_command_name(std::string_view name) {
  if (name == action_failed) return fail(Code::invalid, fmt::format("\"{}\" is what a host says of a failure", name));
  const std::size_t most = name_bytes_max - report_prefix.size();
  if (name.size() <= most) return {};
  return fail(Code::invalid, fmt::format("\"{}\" is longer than {} bytes, so that no report is called so", name, most));
}

bool is_of_launcher(std::string_view event) { return is_one_of(events_of_launchers, event); }

Result<std::string> members_of_event(std::string_view payload) {
  if (payload.empty()) return std::string();
  const auto object = JsonObject::parse(payload, depth_max);
  if (object && std::ranges::none_of(object->members(),
                                     [](const JsonMember& each) { return is_one_of(names_of_events, each.key); })) {
    return rest_of(*object, {});
  }
  return as_member("payload", payload);
}

Result<std::string> members_of_report(std::string_view result) {
  if (result.empty()) return std::string();
  const auto object = JsonObject::parse(result, depth_max);
  return object ? rest_of(*object, names_of_reports) : as_member("result", result);
}

std::string object_of(std::string_view members) { return fmt::format("{{{}}}", members); }

Result<Arguments> read_arguments(std::string_view object) {
  if (object.empty()) return Arguments();
  const auto read = JsonObject::parse(object);
  if (!read) return fail(Code::arguments, read.error().note);
  auto saga = number_in(*read, "saga_id");
  if (!saga) return fail(Code::arguments, saga.error().note);
  if (*saga && **saga == 0) return fail(Code::arguments, "saga_id 0 says that there is no saga: leave it out");
  for (const std::string_view name : names_of_commands) {
    if (name != "saga_id" && read->find(name)) {
      return fail(Code::arguments, fmt::format("{} is said by the hub", name));
    }
  }
  return Arguments{*saga, rest_of(*read, names_of_commands)};
}

}  // namespace parley::wire::hostpipe
