#include "hub/command_pages.h"

#include <fmt/format.h>

#include <variant>

#include "core/directory/command_errors.h"
#include "wire/command/meta.h"
#include "wire/command/uuid.h"

namespace parley::hub {

namespace command = wire::command;

namespace {

std::string next_id(io::Loop& loop) {
  const std::uint64_t high = loop.random().next();
  return command::uuid_of(high, loop.random().next());
}

io::HttpResponse line_response(const CommandMessage& message) {
  return {200, {{"Content-Type", "application/x-ndjson"}}, encode(message, false) + "\n"};
}

// An event, a registration or an answer of somebody who only asks is none of his business: a page that could post them
// would take commands over.
Task<void> post_command(Registry& registry, io::HttpExchange& exchange, WebCaller caller) {
  if (!is_json_request(exchange.request())) {
    co_return exchange.respond(error_response(415, "a message is posted with Content-Type: application/json"));
  }
  auto parsed = command::parse(exchange.request().body, false);
  if (const auto* malformed = std::get_if<command::Malformed>(&parsed)) {
    co_return exchange.respond(error_response(400, malformed->error.note));
  }
  auto& asked = std::get<CommandMessage>(parsed);
  CommandMessage answer{.id = next_id(registry.loop()), .body = {}};
  if (std::holds_alternative<command::ListRequest>(asked.body)) {
    answer.body = command::ListResponse{asked.id, registry.commands(caller.rights.get())};
    answer.meta = std::move(asked.meta);
    co_return exchange.respond(line_response(answer));
  }
  auto* const execute = std::get_if<command::ExecuteRequest>(&asked.body);
  if (!execute) {
    co_return exchange.respond(error_response(
        403,
        fmt::format("{} is not allowed here: execute.command.request and list.commands.request are", type_of(asked))));
  }
  command::ExecuteResponse response{.thread = asked.id, .error = {}, .result = {}};
  ExecuteOptions options;
  options.meta = asked.meta;
  options.rights = caller.rights.get();
  options.deadline = command::remaining_of(asked.meta);
  auto done =
      co_await registry.execute_json(std::move(execute->command), std::move(execute->request), std::move(options));
  if (done) {
    response.result = std::move(done->result);
    answer.meta = std::move(done->meta);
  } else {
    response.error = core::to_wire(done.error());
    answer.meta = core::meta_of(done.error(), asked.meta);
  }
  answer.body = std::move(response);
  exchange.respond(line_response(answer));
}

Task<void> get_commands(Registry& registry, io::HttpExchange& exchange, WebCaller caller) {
  std::string json = R"({"cmdschema":"1.0.0","commands":[)";
  const auto commands = registry.commands(caller.rights.get());
  for (const CommandDefinition& each : commands) {
    if (&each != &commands.front()) json += ',';
    json += encode(each);
  }
  exchange.respond(json_response(200, json + "]}\n"));
  co_return;
}

}  // namespace

void add_command_pages(Web& web, Registry& registry) {
  web.add("POST", "/cmd", [&registry](io::HttpExchange& exchange, WebCaller caller) {
    return post_command(registry, exchange, std::move(caller));
  });
  web.add("GET", "/cmds.json", [&registry](io::HttpExchange& exchange, WebCaller caller) {
    return get_commands(registry, exchange, std::move(caller));
  });
}

}  // namespace parley::hub
