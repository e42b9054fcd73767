#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace parley::cli {

struct OutboxCommand {
  std::optional<std::string> ticket;  // "00c0ffee12345678-17"; else all outboxes
};
// Shows the outboxes that the hub knows, or what became of one ticket.
int run_outbox(const Common& common, const OutboxCommand& command);

struct SendCommand {
  std::string command;
  std::string request;  // an object as JSON; "-": a request a line, from standard input
  std::string group;
  std::string key;
  std::optional<double> deadline_s;
  bool any = false;   // also to a hub that was started anew
  bool wait = false;  // where the hub is not there, until it is
};
// Sends a command, or one for each line, so that each is applied once, and tells what came of it.
int run_send(const Common& common, const SendCommand& command);

}  // namespace parley::cli
