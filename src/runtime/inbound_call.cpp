#include "runtime/inbound_call.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/hold.h"
#include "runtime/session.h"
#include "wire/trace_context.h"

namespace parley {

Hold Context::hold() const { return Hold(*session_); }

Result<std::uint64_t> Context::pass(std::vector<io::Descriptor> descriptors) const {
  return session_->pass(std::move(descriptors));
}
Result<io::Descriptor> Context::claim_descriptor(std::uint64_t number) const {
  return session_->claim_descriptor(number);
}

CallOptions Context::forward(CallOptions more) const {
  if (deadline_) {
    const Duration left = std::max(*deadline_ - session_->loop().now(), Duration::zero());
    more.deadline = more.deadline ? std::min(*more.deadline, left) : left;
  }
  Metadata metadata;
  for (const MetadataEntry& entry : metadata_) {
    const bool is_ours = entry.key == wire::roam::names::peer || entry.key.starts_with(wire::roam::names::prefix);
    if (is_ours || (entry.flags & Metadata::no_propagate) != 0 || more.metadata.find(entry.key)) continue;
    metadata.add(entry.key, entry.value, entry.flags);
  }
  const bool is_trace_ours = !more.metadata.find(wire::traceparent);
  metadata.append(more.metadata);
  // Whoever traces added it: it does not cost the call.
  if (is_trace_ours && !wire::roam::unfit(metadata, session_->options().limits, 1).empty()) {
    metadata.erase(wire::traceparent);
  }
  more.metadata = std::move(metadata);
  return more;
}

}  // namespace parley

namespace parley::runtime {

InboundCall::InboundCall(Connection& connection, const InboundHead& head)
    : IncomingCall(head.id), connection_(&connection) {
  if (head.metadata.empty() || connection.is_peer_foreign()) [[likely]]
    return;
  std::uint64_t us = 0;
  if (!head.metadata.find_number(wire::roam::names::remaining_us, us)) return;
  const auto remaining = std::chrono::microseconds(std::min<std::uint64_t>(us, std::uint64_t{1} << 53));
  deadline_ = std::make_unique<Deadline>(*this);
  connection.executor().arm(*deadline_, connection.executor().now() + remaining);
}

void InboundCall::fill(Context& context, const InboundHead& head) const {
  context.connection_ = connection_;
  context.session_ = &connection_->session();
  context.peer_ = &context.session_->peer();
  context.metadata_ = head.metadata.to_metadata();
  if (deadline_) context.deadline_ = deadline_->when();
}

void InboundCall::finish(std::unique_ptr<InboundCall> call) {
  Connection* connection = call->connection_;
  if (!connection || !connection->is_open() || !connection->calls().answer(*call)) return;
  call->respond(*connection);
}

void InboundCall::keep(std::unique_ptr<InboundCall> call) {
  Connection* connection = call->connection_;
  if (!connection->is_open()) {  // the handler ended its own session
    call.release()->stop(connection->session().end_reason().value_or(Error{Code::closed, "the session"}), {});
    return;
  }
  connection->calls().keep(*call.release());
}

void InboundCall::cancel(const Error& error, const wire::roam::MetadataView& metadata) {
  Connection& connection = *connection_;
  if (connection.calls().answer(*this)) connection.respond_with_error(id(), RoamError::cancelled, &error);
  stop(error, metadata);
}

void InboundCall::stop(const Error& why, const wire::roam::MetadataView& metadata) {
  Connection& connection = *std::exchange(connection_, nullptr);
  deadline_.reset();
  std::unique_ptr<Cleanup> cleanup = take_cleanup();
  connection.executor().bury(std::unique_ptr<Mortal>(this));
  if (cleanup) connection.session().start_cleanup(std::move(cleanup), why, metadata.to_metadata());
}

bool InboundCall::admit_beside_cleanups(Connection& connection, const InboundHead& head) {
  if (connection.cleanups() < connection.limits().concurrent_requests_max) return true;
  ++connection.counters().calls_refused_to_peer;
  connection.refuse_for_overload(head, "cleanups of stopped handlers");
  return false;
}

void InboundCall::Deadline::fire(Timer& timer) {
  InboundCall& call = static_cast<Deadline&>(timer).call;
  ++call.connection_->counters().deadlines_passed_handling;
  call.cancel({Code::deadline, "while it was handled"});
}

BlockHandle unpin(const Connection& connection, InboundHead& head) {
  static constexpr std::size_t pinned_per_byte_max = 16;
  if (!head.block || head.arguments.size() >= head.block->capacity() / pinned_per_byte_max) return {};
  const std::size_t calls = connection.calls().handling() + 1;
  if (calls * head.block->capacity() <= connection.limits().pinned_bytes_max) return {};
  BlockHandle own(Block::make(head.arguments.size()));
  std::ranges::copy(head.arguments, own->data());
  head.arguments = {own->data(), head.arguments.size()};
  head.block = own.get();
  return own;
}

void refuse_arguments(Connection& connection, const InboundHead& head, const Error& error) {
  ++connection.counters().arguments_malformed;
  connection.respond_with_error(head.id, RoamError::invalid_payload, &error);
}

void refuse_call(Connection& connection, const InboundHead& head, const Error& error) {
  connection.respond_with_error(head.id, refusal_of(head.channels), &error);
}

void refuse_credit(Connection& connection, const InboundHead& head, std::uint32_t initial_credit) {
  refuse_call(connection, head, connection.unsupported_credit(initial_credit));
}

Error error_of_throw(Connection& connection, std::exception_ptr thrown) {
  ++connection.counters().handlers_threw;
  Error error{Code::handler_threw, {}};
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const std::exception& exception) {
    error.note = exception.what();
  } catch (...) {
    error.note = "something that is no std::exception";
  }
  return error;
}

void respond_to_throw(Connection& connection, std::uint64_t id, std::exception_ptr thrown) {
  const Error error = error_of_throw(connection, std::move(thrown));
  connection.respond_with_error(id, RoamError::cancelled, &error);
}

bool check_reply(Connection& connection, std::uint64_t id, const Metadata& metadata) {
  const std::string_view unfit = wire::roam::unfit(metadata, connection.limits(), 0);
  if (unfit.empty()) return true;
  const Error error{Code::bug, fmt::format("the reply: {}", unfit)};
  connection.respond_with_error(id, RoamError::cancelled, &error);
  return false;
}

void respond_unfit(Connection& connection, std::uint64_t id, codec::Fault fault) {
  --connection.counters().responses_sent;  // begun, and given up
  const Error error = fault != codec::Fault::none
                          ? Error{Code::bug, fmt::format("the result: {}", codec::to_string(fault))}
                          : Error{Code::too_large, "the result"};
  connection.respond_with_error(id, RoamError::cancelled, &error);
}

}  // namespace parley::runtime
