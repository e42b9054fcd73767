#include "runtime/outbox/outbox_service.h"

#include <utility>

#include "runtime/outbox/outbox_receivers.h"
#include "runtime/outbox/results.h"
#include "runtime/outbox/run_command.h"
#include "runtime/peer_name.h"

namespace parley {

using builtin::OutboxEntry;
using builtin::OutboxHeard;
using builtin::OutboxOpening;
using builtin::OutboxSaid;
using builtin::OutboxTicket;

OutboxService::OutboxService(io::Loop& loop, OutboxServiceOptions options, Who who, Run run)
    : state_(std::make_shared<State>(loop, options, std::move(who), std::move(run))) {}

// A registry knows no principals: sessions are told apart by who the system says is there.
OutboxService::OutboxService(Registry& registry, OutboxServiceOptions options)
    : OutboxService(registry, options, [](Context& context) {
        return Sender{.principal = runtime::name_of(context.session().peer()), .rights = {}};
      }) {}

OutboxService::OutboxService(Registry& registry, OutboxServiceOptions options, Who who)
    : OutboxService(
          registry.loop(), options, std::move(who),
          [&registry](Turn& turn, const core::Rights* rights, builtin::OutboxCommand command, Instant deadline) {
            return runtime::run_command(registry, turn, rights, std::move(command), deadline);
          }) {}

OutboxService::~OutboxService() { close(); }

void OutboxService::close() { state_->close(); }

void OutboxService::show(parley::Outbox& outbox) { state_->shown.push_back(outbox); }

Task<Result<void>> OutboxService::attach(Context& context, OutboxOpening opening,
                                         Rx<OutboxSaid, builtin::outbox_items_ahead> said,
                                         Tx<OutboxHeard, builtin::outbox_items_ahead> heard) {
  const std::shared_ptr<State> state = state_;
  const Sender sender = co_await state->who(context);
  Receiver* const receiver = co_await state->receiver_of(sender, opening);
  Visit visit;
  const builtin::OutboxReady ready = co_await receiver->enter(visit, opening);
  {
    Scope scope(state->loop.executor());
    scope.spawn(Visit::read(visit, said));
    scope.spawn(Visit::write(visit, heard, ready));
    co_await visit.over.wait();
  }
  if (Receiver* const left = visit.receiver) {
    left->leave(visit);
    if (visit.is_last) left->end_outbox();
  }
  if (visit.failure) co_return fail(*visit.failure);
  co_return Result<void>();
}

std::vector<const core::Outbox*> OutboxService::shown() const {
  std::vector<const core::Outbox*> all;
  state_->shown.any_of([&](const parley::Outbox& each) {
    all.push_back(&each.machine());
    return false;
  });
  return all;
}

std::vector<OutboxEntry> OutboxService::entries() const {
  std::vector<OutboxEntry> all;
  state_->shown.any_of([&](const parley::Outbox& each) {
    all.push_back(each.entry());
    return false;
  });
  for (const auto& [key, receiver] : state_->receivers) all.push_back(receiver->entry());
  return all;
}

core::OutboxReceiverCounters OutboxService::counters() const {
  core::OutboxReceiverCounters all = state_->of_the_past;
  for (const auto& [key, receiver] : state_->receivers) all.add(receiver->machine().counters());
  return all;
}

Task<OutboxTicket> OutboxService::ticket(Context& context, std::uint64_t outbox, std::uint64_t ticket) {
  const auto sender = state_->who(context);
  co_return sender ? state_->ticket(*sender, outbox, ticket) : OutboxTicket();
}

Result<OutboxTicket> OutboxService::ticket(std::string_view text) const {
  PARLEY_TRY(const runtime::TicketName name, runtime::read_ticket(text));
  return state_->ticket({}, name.outbox, name.number);
}

Task<std::vector<OutboxEntry>> OutboxService::list(Context& context) {
  const auto sender = state_->who(context);
  std::vector<OutboxEntry> all;
  if (!sender) co_return all;
  for (OutboxEntry& each : entries()) {
    const bool is_his = each.end == OutboxEntry::End::receiver && each.principal == sender->principal;
    if (sender->sees_all || is_his) all.push_back(std::move(each));
  }
  co_return all;
}

}  // namespace parley
