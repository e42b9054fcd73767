#include "hub/hostpipe/host_carrier.h"

#include <utility>
#include <variant>

#include "core/directory/command_errors.h"
#include "wire/command/uuid.h"

namespace parley::hub {

namespace command = wire::command;

std::string HostCarrier::say(command::Body body, std::string meta) {
  const std::uint64_t high = prng_.next();
  std::string id = command::uuid_of(high, prng_.next());
  said_.push_back({.id = id, .body = std::move(body), .meta = std::move(meta)});
  readable_.set();
  return id;
}

void HostCarrier::answer(const std::string& call, Result<std::string> result) {
  if (result) {
    say(command::ExecuteResponse{call, std::nullopt, *std::move(result)});
  } else {
    say(command::ExecuteResponse{call, core::to_wire(result.error()), {}}, core::meta_of(result.error(), {}));
  }
}

void HostCarrier::end() {
  host_ = nullptr;
  readable_.set();
}

Task<Result<void>> HostCarrier::start() {
  if (!host_) co_return fail(Code::link_lost, "the host is gone");
  co_return Result<void>();
}

Result<void> HostCarrier::send(const CommandMessage& message) {
  if (!host_) return fail(Code::link_lost, "the host is gone");
  if (const auto* const call = std::get_if<command::ExecuteRequest>(&message.body)) {
    return host_->on_call(message.id, *call);
  }
  if (const auto* const cancel = std::get_if<command::Cancel>(&message.body)) {
    host_->on_cancel(cancel->thread);
  } else if (const auto* const offered = std::get_if<command::RegisterResponse>(&message.body)) {
    host_->on_offered(offered->thread, offered->is_ok);
  }
  return {};
}

Task<std::optional<ReceivedCommand>> HostCarrier::receive() {
  while (said_.empty()) {
    if (!host_) co_return std::nullopt;
    readable_.reset();
    co_await readable_.wait();
  }
  std::optional<ReceivedCommand> next = std::move(said_.front());
  said_.pop_front();
  co_return next;
}

void HostCarrier::close() {
  said_.clear();
  HostCarrierEvents* const host = std::exchange(host_, nullptr);
  readable_.set();
  if (host) host->on_carrier_closed();
}

}  // namespace parley::hub
