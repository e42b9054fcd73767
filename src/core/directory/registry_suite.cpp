#include "core/directory/registry_suite.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "codec/json_object.h"
#include "core/directory/command_schemas_suite.h"

namespace parley::core::registry_suite {

std::string json_at(std::string_view json, std::string_view path) {
  if (json.empty()) return {};
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string_view step = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    if (codec::json_kind(json) == codec::JsonKind::array) {
      const auto elements = codec::json_elements(json);
      const auto index = static_cast<std::size_t>(std::stoul(std::string(step)));
      if (index >= elements.size()) return {};
      json = elements[index];
      continue;
    }
    if (codec::json_kind(json) != codec::JsonKind::object) return {};
    const codec::JsonObject object = codec::JsonObject::of_checked(json);
    const std::string_view* value = object.find(step);
    if (!value) return {};
    json = *value;
  }
  return codec::json_kind(json) == codec::JsonKind::string ? codec::json_string(json) : std::string(json);
}

std::string execute_text(std::string_view id, std::string_view command, std::string_view more) {
  return fmt::format(R"({{"id":"{}","type":"execute.command.request","commandId":"{}"{}}})", id, command, more);
}

std::string result_text(std::string_view thread, std::string_view result, std::string_view more) {
  return fmt::format(
      R"({{"id":"answer","type":"execute.command.response","thid":"{}","response":{{"ok":true,"result":{}}}{}}})",
      thread, result, more);
}

std::string error_text(std::string_view thread, std::string_view code, std::string_view message,
                       std::string_view more) {
  return fmt::format(R"({{"id":"answer","type":"execute.command.response","thid":"{}",)"
                     R"("response":{{"ok":false,"error":{{"code":"{}","message":"{}"}}}}{}}})",
                     thread, code, message, more);
}

std::string register_text(std::string_view id, std::string_view command, std::string_view more) {
  return fmt::format(R"({{"id":"{}","type":"register.command.request","command":{{"id":"{}"{}}}}})", id, command, more);
}

std::string registered_text(std::string_view thread, bool is_ok) {
  return fmt::format(R"({{"id":"answer","type":"register.command.response","thid":"{}","response":{}}})", thread,
                     is_ok ? R"({"ok":true})" : R"({"ok":false,"error":"duplicate_command"})");
}

std::string list_text(const std::vector<std::string>& commands, std::string_view more) {
  std::string text;
  for (const std::string& each : commands) {
    text += fmt::format(R"({}{{"id":"{}"{}}})", text.empty() ? "" : ",", each, more);
  }
  return fmt::format(R"({{"id":"list","type":"list.commands.response","thid":"nothing","commands":[{}]}})", text);
}

std::string list_request_text(std::string_view id) {
  return fmt::format(R"({{"id":"{}","type":"list.commands.request"}})", id);
}

std::string event_text(std::string_view id, std::string_view event, std::string_view more) {
  return fmt::format(R"({{"id":"{}","type":"event","eventId":"{}"{}}})", id, event, more);
}

std::string cancel_text(std::string_view thread) {
  return fmt::format(R"({{"id":"cancel","type":"parley.cancel","thid":"{}"}})", thread);
}

std::string progress_text(std::string_view thread, std::string_view content) {
  return fmt::format(R"({{"id":"progress","type":"parley.progress","thid":"{}","content":{}}})", thread, content);
}

std::string unregister_text(std::string_view command) {
  return fmt::format(R"({{"id":"gone","type":"parley.unregister","commands":["{}"]}})", command);
}

std::string interest_text(std::string_view patterns, bool wants_commands) {
  return fmt::format(R"({{"id":"interest","type":"parley.interest","patterns":[{}],"commands":{}}})", patterns,
                     wants_commands);
}

template <class Function>
void RegistryBench::with_effects(Function function) {
  Registry::Effects effects;
  function(effects);
  keep_all(effects);
}

Result<RegistryBench::Carrier> RegistryBench::add(Registry::Terms terms) {
  const bool is_extended = terms.is_extended;
  Result<Carrier> carrier = registry_.add(std::move(terms));
  if (carrier) peers_[*carrier].is_extended = is_extended;
  return carrier;
}

void RegistryBench::start(Carrier carrier) {
  with_effects([&](auto& effects) { registry_.start(carrier, now_, effects); });
}

RegistryBench::Carrier RegistryBench::join(Registry::Terms terms) {
  const Carrier carrier = add(std::move(terms)).value();
  start(carrier);
  peers_[carrier].said.clear();
  return carrier;
}

void RegistryBench::drop(Carrier carrier) {
  peers_.erase(carrier);
  with_effects([&](auto& effects) { registry_.drop(carrier, effects); });
}

void RegistryBench::hear(Carrier from, std::string_view json) {
  auto parsed = wire::command::parse(json, peers_.contains(from) && peers_[from].is_extended);
  with_effects([&](auto& effects) {
    if (auto* message = std::get_if<Registry::Message>(&parsed)) {
      registry_.on_message(from, std::move(*message), now_, effects);
    } else {
      registry_.on_malformed(from, std::get<wire::command::Malformed>(parsed), effects);
    }
  });
}

std::string RegistryBench::next(Carrier to) {
  auto& said = peers_.at(to).said;
  if (said.empty()) return {};
  std::string text = std::move(said.front());
  said.pop_front();
  return text;
}

std::size_t RegistryBench::unread() const {
  std::size_t count = 0;
  for (const auto& [carrier, peer] : peers_) count += peer.said.size();
  return count;
}

void RegistryBench::read_all() {
  for (auto& [carrier, peer] : peers_) peer.said.clear();
}

void RegistryBench::offer(Registry::Definition definition) {
  with_effects([&](auto& effects) { registry_.register_command(std::move(definition), now_, effects); });
}

bool RegistryBench::withdraw(std::string_view command) {
  bool was_there = false;
  with_effects([&](auto& effects) { was_there = registry_.unregister_command(command, effects); });
  return was_there;
}

void RegistryBench::answer_with(const std::string& command, Result<std::string> result) {
  answers_.insert_or_assign(command, result);
}

RegistryBench::Call RegistryBench::execute(Registry::Execution execution) {
  Call call = 0;
  with_effects([&](auto& effects) { call = registry_.execute(std::move(execution), now_, effects); });
  return call;
}

void RegistryBench::cancel(Call call) {
  with_effects([&](auto& effects) { registry_.cancel(call, effects); });
}

bool RegistryBench::progress(Call call, std::string content) {
  bool is_wanted = false;
  with_effects([&](auto& effects) { is_wanted = registry_.progressed(call, std::move(content), effects); });
  return is_wanted;
}

void RegistryBench::listen(std::string_view pattern) {
  with_effects([&](auto& effects) { registry_.listen(Pattern::parse(pattern).value(), effects); });
}

void RegistryBench::forget(std::string_view pattern) {
  with_effects([&](auto& effects) { registry_.forget(Pattern::parse(pattern).value(), effects); });
}

void RegistryBench::pass_until(Instant end) {
  for (Instant next = registry_.next_deadline(); next <= end; next = registry_.next_deadline()) {
    now_ = std::max(now_, next);
    with_effects([&](auto& effects) { registry_.on_time(now_, effects); });
    ASSERT_GT(registry_.next_deadline(), now_) << "the timer is asked for what has passed already";
  }
  now_ = end;
}

void RegistryBench::close() {
  with_effects([&](auto& effects) { registry_.close(effects); });
}

bool RegistryBench::lists(std::string_view command) {
  const auto all = registry_.commands(nullptr);
  return std::ranges::any_of(all, [&](const auto& each) { return each.id == command; });
}

void RegistryBench::keep_all(Registry::Effects& effects) {
  for (auto& effect : effects) std::visit([this](auto& each) { this->keep(each); }, effect);
}

void RegistryBench::keep(Registry::Send& send) {
  const auto peer = peers_.find(send.to);
  ASSERT_NE(peer, peers_.end()) << "a message to a carrier that is gone";
  if (!peer->second.is_extended) {
    if (const auto breach = schema_breach(*send.message)) ADD_FAILURE() << type_of(*send.message) << ": " << *breach;
  }
  peer->second.said.push_back(wire::command::encode(*send.message, peer->second.is_extended));
}

void RegistryBench::keep(Registry::Start& start) {
  const auto answer = answers_.find(start.command);
  const Call call = start.call;
  starts.push_back(std::move(start));
  if (answer != answers_.end()) finish(call, answer->second);
}

void RegistryBench::keep(Registry::Settle& settle) {
  const Call call = settle.call;
  ASSERT_TRUE(settled.emplace(call, std::move(settle)).second) << "a call that ends twice";
}

std::pair<RegistryNet::Carrier, RegistryNet::Carrier> RegistryNet::connect(std::size_t a, std::size_t b,
                                                                           const Joint& joint) {
  Registry::Terms of_a{.id = fmt::format("node {} {}", b, ++joints_)};
  of_a.is_router = joint.is_router;
  of_a.is_extended = joint.is_extended;
  of_a.wants_commands = joint.a_wants_commands;
  Registry::Terms of_b{.id = fmt::format("node {} {}", a, joints_)};
  of_b.is_router = joint.is_router_too;
  of_b.is_extended = joint.is_extended;
  of_b.wants_commands = joint.b_wants_commands;
  const Carrier at_a = nodes_[a]->add(std::move(of_a)).value();
  const Carrier at_b = nodes_[b]->add(std::move(of_b)).value();
  ends_[{a, at_a}] = {b, at_b};
  ends_[{b, at_b}] = {a, at_a};
  nodes_[a]->start(at_a);
  nodes_[b]->start(at_b);
  return {at_a, at_b};
}

void RegistryNet::cut(std::size_t node, Carrier carrier) {
  const auto other = ends_.at({node, carrier});
  ends_.erase({node, carrier});
  ends_.erase(other);
  nodes_[node]->drop(carrier);
  nodes_[other.first]->drop(other.second);
}

std::size_t RegistryNet::carry(std::size_t count_max) {
  std::size_t count = 0;
  for (bool has_moved = true; has_moved;) {
    has_moved = false;
    for (const auto& [end, other] : ends_) {
      const std::string text = nodes_[end.first]->next(end.second);
      if (text.empty()) continue;
      has_moved = true;
      nodes_[other.first]->hear(other.second, text);
      if (++count > count_max) {
        ADD_FAILURE() << "it never rests: " << text;
        return count;
      }
    }
  }
  return count;
}

std::string RegistryNet::carry_one(std::size_t node, Carrier carrier) {
  const auto other = ends_.at({node, carrier});
  std::string text = nodes_[node]->next(carrier);
  if (!text.empty()) nodes_[other.first]->hear(other.second, text);
  return text;
}

std::vector<std::pair<std::size_t, RegistryNet::Carrier>> RegistryNet::ends() const {
  std::vector<std::pair<std::size_t, Carrier>> all;
  for (const auto& [end, other] : ends_) all.push_back(end);
  return all;
}

void RegistryNet::pass(Duration duration) {
  for (auto& node : nodes_) node->pass(duration);
}

bool RegistryBench::finish(Call call, Result<std::string> result, std::string meta) {
  bool is_wanted = false;
  with_effects(
      [&](auto& effects) { is_wanted = registry_.finished(call, std::move(result), std::move(meta), effects); });
  return is_wanted;
}

Result<void> RegistryBench::try_emit(std::string event, std::string payload, const Rights* rights) {
  Result<void> result;
  with_effects(
      [&](auto& effects) { result = registry_.emit(std::move(event), std::move(payload), {}, rights, now_, effects); });
  return result;
}

}  // namespace parley::core::registry_suite
