#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "runtime/commands/carrier.h"

namespace parley {

struct HttpCarrierOptions {
  std::string id;
  std::string token = {};  // goes along as Authorization: Bearer
  // Of a request that has no deadline of its own.
  Duration answer_max = std::chrono::seconds(30);
  std::size_t requests_max = 256;  // at once; beyond: `overloaded`
  // How often the server is asked what it has: start() does, and says why that cannot be known; what has come or gone
  // is seen the next time. A server that is not there any more, or fails three times in a row, ends the carrier. Zero:
  // nobody is asked before there is something to ask, and a server that is not there yet may come.
  Duration refresh = {};
  CarrierLimits limits = {};
};

// Asks a server of cmd-ipc over HTTP, by POST to `url`/cmd, which may be said whole: lists its commands and executes
// them. Connections are kept and used again. Nothing comes back but answers: no events, no registrations, no calls;
// what is said of these is dropped, and a registration agreed to, since nobody there could call it. What goes wrong
// with a request is its answer at once: channel_disconnected where there is no server (not_sent) or it went
// (sent_then_lost), timeout, invalid_request for status 400, and internal_error with the status and what it says for
// any other.
//
// Errors: uri, unsupported.
Result<std::shared_ptr<Carrier>> http_carrier(io::Loop& loop, std::string_view url, HttpCarrierOptions options);

}  // namespace parley
