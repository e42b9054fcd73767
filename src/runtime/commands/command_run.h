#pragma once

#include <memory>
#include <optional>

#include "async/task.h"
#include "core/directory/registry.h"
#include "runtime/commands/command_handler.h"

namespace parley::runtime {

class CommandRun;

// What a handler has just thrown, as the error of its call: inside of a catch.
Error error_of_thrown();

class CommandRunEvents {
 public:
  // It ended by itself, and is to be destroyed.
  virtual void on_end(CommandRun& run, Result<std::string> result, std::string meta) = 0;
  virtual void on_progress(CommandRun& run, std::string content) = 0;
  virtual void on_throw() = 0;

 protected:
  ~CommandRunEvents() = default;
};

// One call of a command of this process, while its handler runs. Owned by the registry; destroyed by the executor when
// it is not running.
class CommandRun final : public Mortal {
 public:
  CommandRun(CommandRunEvents& registry, std::shared_ptr<CommandHandler> handler, core::Registry::Start start,
             std::string caller);

  core::Registry::Call call() const { return call_; }
  // May end it at once.
  void start(Executor& executor);
  void progress(std::string content) { registry_->on_progress(*this, std::move(content)); }
  // Nothing is heard of it any more.
  void stop() { context_.run_ = nullptr; }

 private:
  struct Ended final : Ready {
    explicit Ended(CommandRun& run) : Ready(&Ended::run), owner(run) {}
    static void run(Ready& node) { static_cast<Ended&>(node).owner.end(); }
    CommandRun& owner;
  };
  void end();

  CommandRunEvents* registry_;
  std::shared_ptr<CommandHandler> handler_;
  core::Registry::Call call_;
  std::string request_;
  CommandContext context_;
  std::optional<Task<Result<std::string>>> task_;
  Ended ended_{*this};
};

}  // namespace parley::runtime
