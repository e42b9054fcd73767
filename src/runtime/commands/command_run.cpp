#include "runtime/commands/command_run.h"

#include <utility>

namespace parley {

void CommandContext::progress(const CommandProgress& progress) {
  if (!run_) return;
  std::string content = encode(progress);
  if (!content.empty()) run_->progress(std::move(content));
}

void CommandContext::partial_json(std::string_view json) {
  if (run_) run_->progress(encode(wire::command::PartialResult{json}));
}

}  // namespace parley

namespace parley::runtime {

Result<void> check_nothing(std::string_view request) {
  if (request.empty() || request == "{}" || request == "null") return {};
  return fail(Code::arguments, "it takes nothing: leave the request out, or give {}");
}

Error error_of_thrown() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return {Code::handler_threw, thrown.what()};
  } catch (...) {
    return {Code::handler_threw, {}};
  }
}

CommandRun::CommandRun(CommandRunEvents& registry, std::shared_ptr<CommandHandler> handler, core::Registry::Start start,
                       std::string caller)
    : registry_(&registry), handler_(std::move(handler)), call_(start.call), request_(std::move(start.request)) {
  context_.command_ = std::move(start.command);
  context_.caller_ = std::move(caller);
  context_.meta_ = std::move(start.meta);
  context_.deadline_ = start.deadline;
  context_.run_ = this;
}

void CommandRun::start(Executor& executor) {
  try {
    task_ = handler_->run_json(context_, std::move(request_));
  } catch (...) {
    registry_->on_throw();
    return registry_->on_end(*this, fail(error_of_thrown()), {});
  }
  task_->bind(executor);
  if (task_->start()) return end();
  task_->promise().set_continuation(ended_);
}

void CommandRun::end() {
  Result<std::string> result = fail(Code::handler_threw);
  try {
    result = task_->promise().take();
  } catch (...) {
    registry_->on_throw();
    result = fail(error_of_thrown());
  }
  registry_->on_end(*this, std::move(result), std::move(context_.reply_meta_));
}

}  // namespace parley::runtime
