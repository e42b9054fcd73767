#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/instant.h"
#include "codec/json_writer.h"
#include "wire/command/progress.h"

namespace parley {

class Registry;
namespace runtime {
class CommandRun;
}

// How far a command is: `done`, perhaps of a `total`, and a `message` for people.
using CommandProgress = wire::command::HowFar;

// What the handler of a command may know about its call, and say before its end. Lives as long as the handler runs.
class CommandContext {
 public:
  const std::string& command() const { return command_; }
  // Who asks: the id of the carrier that the request came by. Empty: this process.
  const std::string& caller() const { return caller_; }
  // What the caller said beside its request, an object as JSON; empty: nothing.
  const std::string& meta() const { return meta_; }
  // When nobody waits any more, by the clock of this loop; the handler is destroyed then, as when the caller cancels or
  // is gone. What it holds goes with it.
  Instant deadline() const { return deadline_; }

  // Reaches callers that can hear of it (docs/guide/commands.md): those of this process, Parley peers and MCP clients.
  void progress(const CommandProgress& progress);
  // A part of the result, before all of it.
  template <class T>
  void partial(const T& value) {
    std::string text;
    if (codec::append_json(text, value)) partial_json(text);
  }
  void partial_json(std::string_view json);
  // Goes beside the result, instead of what the caller said beside its request: an object as JSON.
  void reply_meta(std::string meta) { reply_meta_ = std::move(meta); }

 private:
  friend class Registry;
  friend class runtime::CommandRun;
  std::string command_;
  std::string caller_;
  std::string meta_;
  std::string reply_meta_;
  Instant deadline_;
  runtime::CommandRun* run_ = nullptr;  // null: nobody hears of progress
};

}  // namespace parley
