#include "runtime/commands/mcp_session.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "codec/json_object.h"
#include "wire/command/message.h"
#include "wire/command/meta.h"
#include "wire/command/progress.h"

namespace parley::runtime {

namespace command = wire::command;
using codec::JsonObject;
using core::mcp::Tool;
using core::mcp::ToolResult;

namespace {

Tool tool_of(const CommandDefinition& definition) {
  Tool tool{.name = definition.id,
            .description = definition.description.value_or(std::string()),
            .input_schema = std::string(command::request_schema(definition)),
            .output_schema = std::string(command::response_schema(definition))};
  tool.is_read_only = definition.annotations.is_read_only;
  tool.is_destructive = definition.annotations.is_destructive;
  tool.is_idempotent = definition.annotations.is_idempotent;
  // Content of MCP is no value of which a schema could speak.
  if (definition.annotations.returns_content) tool.output_schema.clear();
  return tool;
}

// Content as it stands, where a value is that and nothing else.
std::optional<ToolResult> content_of(const std::string& result) {
  const auto object = JsonObject::parse(result);
  if (!object || object->members().size() != 1 || object->members()[0].key != "content") return std::nullopt;
  return ToolResult::content(std::string(object->members()[0].value));
}

ToolResult result_of(Result<Registry::Answer> answer, const CommandDefinition& definition) {
  if (!answer) {
    const Error& error = answer.error();
    return error.code == Code::arguments ? ToolResult::invalid_arguments(error.note) : ToolResult::failed(error);
  }
  if (answer->result.empty()) return ToolResult::nothing();
  if (definition.annotations.returns_content) {
    if (auto content = content_of(answer->result)) return *std::move(content);
  }
  return ToolResult::value(std::move(answer->result));
}

}  // namespace

McpSession::McpSession(Registry& registry, McpSessionEvents& events, Options options)
    : registry_(registry),
      events_(events),
      options_(std::move(options)),
      server_(options_.server),
      changes_(registry.on_commands_changed([this] {
        Server::Effects effects;
        server_.tools_changed(effects);
        carry_out(std::move(effects));
      })) {}
McpSession::~McpSession() {
  while (!running_.empty()) stop(running_.begin()->first);
}

McpSession::Taken McpSession::on_message(std::string_view text, std::uint64_t stream) {
  Server::Effects effects;
  const Taken taken = server_.on_message(text, stream, effects);
  carry_out(std::move(effects));
  return taken;
}

void McpSession::end() {
  Server::Effects effects;
  server_.end(effects);
  carry_out(std::move(effects));
}

void McpSession::carry_out(Server::Effects effects) {
  for (Server::Effect& each : effects) {
    if (auto* const send = std::get_if<Server::Send>(&each)) {
      events_.on_mcp_message(send->stream, std::move(send->text), send->is_last);
    } else if (const auto* const list = std::get_if<Server::ListTools>(&each)) {
      Server::Effects listed;
      server_.tools(list->token, tools(), listed);
      carry_out(std::move(listed));
    } else if (auto* const call = std::get_if<Server::CallTool>(&each)) {
      start(std::move(*call));
    } else if (const auto* const cancelled = std::get_if<Server::CancelTool>(&each)) {
      stop(cancelled->token);
    } else {
      events_.on_mcp_unanswered(std::get<Server::Unanswered>(each).stream);
    }
  }
}

void McpSession::start(Server::CallTool call) {
  auto made = std::make_unique<Running>(*this, registry_.loop().executor());
  Running& running = *made;
  running_.emplace(call.token, std::move(made));
  running.scope.spawn(run(running, std::move(call)));
}

Task<void> McpSession::run(Running& running, Server::CallTool call) {
  const std::uint64_t token = call.token;
  Registry& registry = running.session->registry_;
  const auto definition = registry.definition(call.command);
  if (!definition || !running.session->is_wanted(call.command)) {
    const Error away{Code::not_sent, "the hub is not there; its tools come back with it"};
    running.session->finish(
        token, registry.has_lost_router() ? ToolResult::failed(away) : running.session->unknown(call.command), {});
    co_return;
  }
  ExecuteOptions options = running.session->options_of(call, running);
  auto answer = co_await registry.execute_json(std::move(call.command), std::move(call.arguments), std::move(options));
  if (!running.session) co_return;
  // What it may not call is to it as if it were not there.
  if (!answer && !running.session->may_call(definition->id)) {
    running.session->finish(token, running.session->unknown(definition->id), {});
    co_return;
  }
  running.session->finish(token, result_of(std::move(answer), *definition), tool_of(*definition).output_schema);
}

void McpSession::finish(std::uint64_t token, const ToolResult& result, std::string_view output_schema) {
  stop(token);
  Server::Effects effects;
  server_.finished(token, result, output_schema, effects);
  carry_out(std::move(effects));
}

ExecuteOptions McpSession::options_of(const Server::CallTool& call, Running& running) const {
  ExecuteOptions options{.meta = call.meta};
  options.rights = options_.rights.get();
  options.deadline = command::remaining_of(call.meta);
  if (call.wants_progress) {
    options.on_progress = [&running, token = call.token](std::string_view content) {
      if (running.session) running.session->on_progress(token, content);
    };
  }
  return options;
}

void McpSession::stop(std::uint64_t token) {
  auto over = running_.extract(token);
  if (over.empty()) return;
  over.mapped()->session = nullptr;
  registry_.loop().executor().bury(std::move(over.mapped()));
}

bool McpSession::is_wanted(std::string_view name) const {
  const auto fits = [&](const core::Pattern& each) { return each.matches(name); };
  return options_.only.empty() || std::ranges::any_of(options_.only, fits);
}

bool McpSession::may_call(std::string_view name) const {
  return !options_.rights || options_.rights->may(core::Verb::call, name);
}

ToolResult McpSession::unknown(std::string_view name) const {
  const std::string near = registry_.nearest_command(name, options_.rights.get());
  return ToolResult::unknown_tool(is_wanted(near) && may_call(near) ? near : std::string());
}

std::vector<Tool> McpSession::tools() const {
  std::vector<Tool> all;
  for (const CommandDefinition& each : registry_.commands(options_.rights.get())) {
    if (is_wanted(each.id) && may_call(each.id)) all.push_back(tool_of(each));
  }
  return all;
}

// A partial result has no form in MCP: an agent gets the whole of it at the end.
void McpSession::on_progress(std::uint64_t token, std::string_view content) {
  const auto told = command::read_progress(content);
  const auto* const how_far = told ? std::get_if<command::HowFar>(&*told) : nullptr;
  if (!how_far) return;
  Server::Effects effects;
  server_.progress(token, how_far->done, how_far->total, how_far->message, effects);
  carry_out(std::move(effects));
}

}  // namespace parley::runtime
