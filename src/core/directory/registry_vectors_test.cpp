#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_object.h"
#include "codec/json_text.h"
#include "core/directory/command_errors.h"
#include "core/directory/registry_suite.h"

// The vectors of cmd-ipc's own conformance suite, as its harnesses play them.
namespace parley::core {
namespace {

using namespace registry_suite;
using codec::JsonKind;
using codec::JsonObject;

// The one member of an object such as {"$ref":"x"}, where its key begins so; empty otherwise.
struct Special {
  std::string key;
  std::string_view value;
};
Special special_of(std::string_view json) {
  if (codec::json_kind(json) != JsonKind::object) return {};
  const JsonObject object = JsonObject::of_checked(json);
  if (object.members().size() != 1 || !object.members()[0].key.starts_with('$')) return {};
  return {object.members()[0].key, object.members()[0].value};
}

std::string in_quotes(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

class Vector {
 public:
  explicit Vector(std::string text) : text_(std::move(text)), vector_(JsonObject::parse(text_).value()) {}

  void run() {
    set_up();
    bool may_leave_unread = false;
    for (const std::string_view step : codec::json_elements(*vector_.find("steps"))) {
      SCOPED_TRACE(std::string(step));
      play(step);
      may_leave_unread = json_at(step, "direction") == "assert-no-outbound";
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(may_leave_unread || bench_.unread() == 0) << "somebody was told more than he should be";
  }

 private:
  void set_up() {
    const std::string registry = json_at(*vector_.find("setup"), "registry");
    const std::string router = json_at(registry, "routerChannel");
    for (const std::string& each : elements(registry, "localCommands")) {
      const std::string id = json_at(each, "id");
      bench_.offer(id);
      EXPECT_TRUE(bench_.last_registered().has_value());
      bench_.answer_with(id, json_at(each, "returns"));
    }
    for (const std::string& each : elements(registry, "localEventListeners")) bench_.listen(codec::json_string(each));
    for (const std::string& each : elements(*vector_.find("setup"), "peers")) {
      const std::string id = json_at(each, "channelId");
      const auto carrier = bench_.add({.id = id, .is_router = id == router}).value();
      peers_[id] = carrier;
      bench_.start(carrier);
      EXPECT_EQ(json_at(bench_.next(carrier), "type"), "list.commands.request");
    }
  }
  static std::vector<std::string> elements(std::string_view json, std::string_view key) {
    const std::string array = json_at(json, key);
    if (array.empty()) return {};
    const auto views = codec::json_elements(array);
    return {views.begin(), views.end()};
  }

  void play(std::string_view step) {
    const std::string direction = json_at(step, "direction");
    if (direction == "inbound") {
      bench_.hear(peers_.at(json_at(step, "from")), resolved(json_at(step, "message")));
    } else if (direction == "outbound") {
      const std::string said = bench_.next(peers_.at(json_at(step, "to")));
      ASSERT_FALSE(said.empty());
      EXPECT_TRUE(matches(json_at(step, "expected"), said)) << said;
    } else if (direction == "assert-no-outbound") {
      EXPECT_EQ(bench_.next(peers_.at(json_at(step, "to"))), "");
    } else if (direction == "local-call") {
      call(json_at(step, "trigger"));
    } else if (direction == "local-result") {
      expect_result(step);
    } else if (direction == "assert-local-listener") {
      expect_delivered(step);
    } else if (direction == "close-channel") {
      const std::string id = json_at(step, "channel");
      bench_.drop(peers_.at(id));
      peers_.erase(id);
    } else {
      ADD_FAILURE() << "no such step";
    }
  }

  void call(const std::string& trigger) {
    const JsonObject object = JsonObject::of_checked(trigger);
    const std::string& what = object.members()[0].key;
    const std::string arguments(object.members()[0].value);
    listed_ = {};
    if (what == "executeCommand") {
      call_ = bench_.execute(json_at(arguments, "0"), json_at(arguments, "1"));
    } else if (what == "emitEvent") {
      bench_.emit(json_at(arguments, "0"), json_at(arguments, "1"));
    } else if (what == "registerCommand") {
      bench_.registered.clear();
      registering_ = json_at(arguments, "0");
      bench_.offer(registering_);
    } else {
      ASSERT_EQ(what, "listCommands");
      std::string list;
      for (const auto& each : bench_.registry().commands(nullptr)) {
        list += fmt::format(R"({}{{"id":{}}})", list.empty() ? "" : ",", in_quotes(each.id));
      }
      listed_ = fmt::format("[{}]", list);
    }
  }

  void expect_result(std::string_view step) {
    Result<std::string> result = listed_;
    if (!registering_.empty()) {
      ASSERT_EQ(bench_.registered.size(), 1u);
      EXPECT_EQ(bench_.registered[0].command, registering_);
      if (!bench_.registered[0].result) result = fail(bench_.registered[0].result.error());
    } else if (call_ != 0) {
      ASSERT_TRUE(bench_.has_settled(call_));
      result = bench_.result_of(call_);
    }
    registering_.clear();
    call_ = 0;
    if (const std::string error = json_at(step, "expectedError"); !error.empty()) {
      ASSERT_FALSE(result.has_value());
      const auto said = to_wire(result.error());
      const std::string text = fmt::format(R"({{"code":{},"message":{}}})",
                                           in_quotes(wire::command::to_string(said.code)), in_quotes(said.message));
      EXPECT_TRUE(matches(error, text)) << text;
      return;
    }
    ASSERT_TRUE(result.has_value()) << to_string(result.error());
    const JsonObject object = JsonObject::of_checked(step);
    const std::string_view* expected = object.find("expected");
    if (expected) EXPECT_TRUE(matches(*expected, *result)) << *result;
  }

  void expect_delivered(std::string_view step) {
    const std::string event = json_at(step, "eventId");
    std::vector<std::string> payloads;
    for (const auto& each : bench_.delivered) {
      if (each.event == event) payloads.push_back(each.payload);
    }
    EXPECT_EQ(fmt::format("{}", payloads.size()), json_at(step, "invocations"));
    const std::string last = json_at(step, "lastPayload");
    if (!last.empty()) EXPECT_TRUE(!payloads.empty() && matches(last, payloads.back()));
  }

  // With what was captured in place of each {"$ref":..}.
  std::string resolved(std::string_view json) const {
    if (const Special special = special_of(json); special.key == "$ref") {
      return captured_.at(codec::json_string(special.value));
    }
    std::string out;
    if (codec::json_kind(json) == JsonKind::object) {
      const JsonObject object = JsonObject::of_checked(json);
      for (const auto& each : object.members()) {
        out += fmt::format("{}{}:{}", out.empty() ? "" : ",", in_quotes(each.key), resolved(each.value));
      }
      return fmt::format("{{{}}}", out);
    }
    if (codec::json_kind(json) == JsonKind::array) {
      for (const auto each : codec::json_elements(json)) out += (out.empty() ? "" : ",") + resolved(each);
      return fmt::format("[{}]", out);
    }
    return std::string(json);
  }

  // `expected` may have fewer members than what it is compared with.
  bool matches(std::string_view expected, std::string_view actual) {
    if (const Special special = special_of(expected); !special.key.empty()) return matches_special(special, actual);
    const JsonKind kind = codec::json_kind(expected);
    if (kind != codec::json_kind(actual)) return false;
    if (kind == JsonKind::object) {
      const JsonObject wanted = JsonObject::of_checked(expected);
      const JsonObject there = JsonObject::of_checked(actual);
      return std::ranges::all_of(wanted.members(), [&](const auto& each) {
        const std::string_view* value = there.find(each.key);
        return value && matches(each.value, *value);
      });
    }
    if (kind == JsonKind::array) {
      const auto wanted = codec::json_elements(expected);
      const auto there = codec::json_elements(actual);
      return std::ranges::equal(wanted, there, [&](auto left, auto right) { return matches(left, right); });
    }
    if (kind == JsonKind::string) return codec::json_string(expected) == codec::json_string(actual);
    return expected == actual;
  }
  bool matches_special(const Special& special, std::string_view actual) {
    if (special.key == "$unordered") {
      const auto wanted = codec::json_elements(special.value);
      auto left = codec::json_elements(actual);
      if (wanted.size() != left.size()) return false;
      for (const auto each : wanted) {
        const auto found = std::ranges::find_if(left, [&](auto value) { return matches(each, value); });
        if (found == left.end()) return false;
        left.erase(found);
      }
      return true;
    }
    const std::string name = codec::json_string(special.value);
    if (special.key == "$capture") {
      captured_[name] = actual;
      return true;
    }
    if (special.key == "$ref") return captured_.at(name) == actual;
    if (codec::json_kind(actual) != JsonKind::string) return false;
    if (name == "any-string") return actual.size() > 2;
    static const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    return name == "uuid" && std::regex_match(codec::json_string(actual), uuid);
  }

  std::string text_;
  JsonObject vector_;
  RegistryBench bench_;
  std::map<std::string, Registry::Carrier> peers_;
  std::map<std::string, std::string> captured_;  // as JSON
  Registry::Call call_ = 0;
  std::string registering_;
  std::string listed_;
};

TEST(RegistryVectors, each_behaviour_vector_is_met) {
  int vectors = 0;
  for (const auto& each : std::filesystem::directory_iterator("tests/vectors/cmd-ipc/behavior")) {
    ++vectors;
    SCOPED_TRACE(each.path().filename().string());
    std::ifstream file(each.path());
    Vector(std::string(std::istreambuf_iterator<char>(file), {})).run();
  }
  EXPECT_EQ(vectors, 13);
}

}  // namespace
}  // namespace parley::core
