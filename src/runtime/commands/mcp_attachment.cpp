#include "runtime/commands/mcp_attachment.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "core/directory/name.h"
#include "core/mcp/tool_name.h"

namespace parley::runtime {

using core::mcp::Tool;

McpAttachment::Waiting::~Waiting() {
  if (result || !owner || call == 0) return;
  McpAttachment& attachment = *owner;
  attachment.waiting_.erase(call);
  Client::Effects effects;
  attachment.client_.cancel(call, "nobody waits for it any more", effects);
  attachment.carry_out(std::move(effects));
}

void McpAttachment::Clock::fire(Timer& timer) {
  McpAttachment& attachment = static_cast<Clock&>(timer).attachment;
  if (!attachment.due_.is_linked()) attachment.loop_.executor().post(attachment.due_);
}

McpAttachment::McpAttachment(Registry& registry, std::unique_ptr<McpLink> link, Options options)
    : registry_(registry),
      loop_(registry.loop()),
      prefix_(options.prefix.empty() ? std::string() : options.prefix + "."),
      client_(std::move(options.client)),
      link_(std::move(link)),
      scope_(loop_) {}

McpAttachment::~McpAttachment() {
  *self_ = nullptr;
  scope_.cancel_all();
  end({Code::closed, "the server was detached"});
}

Task<Result<void>> McpAttachment::start() {
  link_->start(static_cast<McpLinkEvents&>(*this));
  Client::Effects effects;
  client_.begin(loop_.now(), effects);
  carry_out(std::move(effects));
  co_await settled_.wait();
  if (ended_) co_return fail(*ended_);
  co_return Result<void>();
}

Task<Error> McpAttachment::gone() {
  co_await gone_.wait();
  co_return *ended_;
}

Task<void> McpAttachment::leave() {
  if (!ended_) co_await link_->leave();
  end({Code::closed, "the server was detached"});
}

void McpAttachment::on_link_message(std::string_view text) {
  Client::Effects effects;
  client_.on_message(text, loop_.now(), effects);
  carry_out(std::move(effects));
}
void McpAttachment::on_link_failed(std::uint64_t request, const Error& why) {
  Client::Effects effects;
  client_.on_request_failed(request, why, loop_.now(), effects);
  carry_out(std::move(effects));
}
void McpAttachment::on_link_gone(Error why) { end(std::move(why)); }

void McpAttachment::on_time() {
  Client::Effects effects;
  client_.on_time(loop_.now(), effects);
  carry_out(std::move(effects));
}

void McpAttachment::carry_out(Client::Effects effects) {
  for (Client::Effect& each : effects) carry_out(each);
  const Instant next = client_.next_deadline();
  if (next.is_never()) return clock_.disarm();
  loop_.executor().arm(clock_, next);
}

void McpAttachment::carry_out(Client::Effect& effect) {
  if (auto* const send = std::get_if<Client::Send>(&effect)) {
    if (send->cancelled != 0) return link_->cancel(send->cancelled, std::move(send->text));
    link_->send(std::move(send->text), send->request);
  } else if (std::holds_alternative<Client::Ready>(effect)) {
    link_->on_introduced(client_.version());
  } else if (auto* const listed = std::get_if<Client::Tools>(&effect)) {
    want(std::move(listed->tools));
  } else if (std::holds_alternative<Client::ListFailed>(effect)) {
    settled_.set();  // with those from before
  } else if (const auto* const progress = std::get_if<Client::Progress>(&effect)) {
    const auto found = waiting_.find(progress->call);
    if (found == waiting_.end()) return;
    found->second->context->progress({progress->done, progress->total, progress->message});
  } else if (auto* const finished = std::get_if<Client::Finished>(&effect)) {
    const auto found = waiting_.find(finished->call);
    if (found == waiting_.end()) return;
    Waiting& waiting = *found->second;
    waiting_.erase(found);
    waiting.result = std::move(finished->value);
    waiting.ended.set();
  } else {
    end(std::get<Client::Failed>(effect).why);
  }
}

// --- tools as commands

void McpAttachment::want(std::vector<Tool> tools) {
  wanted_.clear();
  std::set<std::string, std::less<>> names;
  for (const Tool& each : tools) names.insert(each.name);
  // Where the server is the hub at which its tools are offered they come back, and would pile up, prefix upon prefix.
  const auto came_round = [&](std::string_view name) {
    return !prefix_.empty() && name.starts_with(prefix_) && names.contains(name.substr(prefix_.size()));
  };
  for (Tool& each : tools) {
    if (came_round(each.name)) continue;
    const auto name = core::mcp::command_name(each.name);
    if (name && !(prefix_.empty() && core::is_private(*name))) {
      wanted_.try_emplace(prefix_ + *name, std::move(each));
    } else {
      ++counters_.tools_unusable;
    }
  }
  if (std::exchange(is_offering_, true)) return;
  scope_.spawn(offer_wanted());
}

// One after another; the list may become another one meanwhile.
Task<void> McpAttachment::offer_wanted() {
  for (;;) {
    const auto outdated = std::ranges::find_if(offered_, [&](const auto& each) {
      const auto found = wanted_.find(each.first);
      return found == wanted_.end() || found->second != each.second;
    });
    if (outdated != offered_.end()) {
      const std::string name = outdated->first;
      offered_.erase(outdated);
      registry_.remove_command(name);
      continue;
    }
    const auto missing =
        std::ranges::find_if(wanted_, [&](const auto& each) { return !offered_.contains(each.first); });
    if (missing == wanted_.end()) break;
    const std::string name = missing->first;
    const Tool tool = missing->second;
    const auto offered = co_await offer(name, tool);
    if (ended_) {
      if (offered) registry_.remove_command(name);
      break;
    }
    if (offered) {
      offered_.emplace(name, tool);
    } else {
      ++counters_.tools_unusable;
      wanted_.erase(name);
    }
  }
  is_offering_ = false;
  settled_.set();
}

Task<Result<void>> McpAttachment::offer(std::string name, const Tool& tool) {
  const auto definition = [&](bool has_schemas) {
    DynamicCommand command{.name = name, .description = tool.description.empty() ? tool.title : tool.description};
    if (has_schemas) command.request_schema = tool.input_schema;
    if (has_schemas) command.response_schema = tool.output_schema;
    command.allows_more = true;
    command.options = {tool.is_read_only, tool.is_destructive, tool.is_idempotent};
    command.options.returns_content = tool.output_schema.empty();  // images pass through to other clients of MCP
    return command;
  };
  const auto handler = [&] {
    return [self = self_, named = tool.name](CommandContext& context, std::string request) {
      return call(*self, named, context, std::move(request));
    };
  };
  auto offered = co_await registry_.command(definition(true), handler());
  if (offered || kind(offered.error()) != Kind::invalid) co_return offered;
  // A schema that cannot be read here is no reason to be without the tool.
  ++counters_.schemas_unusable;
  co_return co_await registry_.command(definition(false), handler());
}

Task<Result<std::string>> McpAttachment::call(McpAttachment* self, std::string tool, CommandContext& context,
                                              std::string request) {
  if (!self) co_return fail(Code::closed, "the server was detached");
  McpAttachment& attachment = *self;
  Waiting waiting;
  waiting.owner = &attachment;
  waiting.context = &context;
  Client::Effects effects;
  auto begun = attachment.client_.call(tool, request.empty() ? std::string_view("{}") : std::string_view(request),
                                       {.deadline = context.deadline(), .wants_progress = true, .meta = context.meta()},
                                       effects);
  if (!begun) co_return fail(std::move(begun).error());
  waiting.call = *begun;
  attachment.waiting_.emplace(waiting.call, &waiting);
  attachment.carry_out(std::move(effects));
  co_await waiting.ended.wait();
  co_return *std::move(waiting.result);
}

void McpAttachment::end(Error why) {
  if (ended_) return;
  ended_ = why;
  Client::Effects effects;
  client_.end(why, effects);
  carry_out(std::move(effects));
  for (const auto& [name, tool] : std::exchange(offered_, {})) registry_.remove_command(name);
  wanted_.clear();
  settled_.set();
  gone_.set();
}

}  // namespace parley::runtime
