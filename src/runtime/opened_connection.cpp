#include "runtime/opened_connection.h"

#include "core/directory/name.h"
#include "runtime/method_table.h"
#include "runtime/session.h"

namespace parley::runtime {

using wire::roam::MetadataView;
using wire::roam::Settings;

OpenedConnection::OpenedConnection(Session& session, std::string service)
    : session_(session), is_ours_(true), service_(std::move(service)), connection_(session, *this) {}

OpenedConnection::OpenedConnection(Session& session, const ConnectionOpening& opening, const MethodTable& methods)
    : session_(session), is_ours_(false), connection_(session, *this) {
  std::uint64_t bits = 0;
  const bool is_parley = opening.metadata.find_number(names::peer, bits) != nullptr;
  const wire::roam::Parity parity = opposite(opening.settings.parity);
  session.take(*this, opening.id);
  connection_.open({.id = opening.id,
                    .parity = parity,
                    .peer_requests_max = opening.settings.max_concurrent_requests,
                    .is_peer_foreign = !is_parley,
                    .methods = &methods});
  session.accept(*this, {parity, session.requests_max()}, session.mark());
}

OpenedConnection::~OpenedConnection() {
  is_buried_ = true;
  connection_.end({Code::closed, "the loop is gone"}, Connection::Committed::is_dropped);
}

Result<void> OpenedConnection::open() {
  if (!is_ours_ || !session_.is_established()) return fail(session_.away());
  PARLEY_TRY(core::check_name(service_));
  Metadata metadata = session_.mark();
  metadata.add(std::string(names::service), service_);
  const wire::roam::Parity parity = session_.machine().parity();
  session_.open(*this, {parity, session_.requests_max()}, metadata);
  connection_.open({.id = id(),
                    .parity = parity,
                    .peer_requests_max = session_.machine().peer_requests_max(),
                    .is_peer_foreign = false,
                    .methods = session_.root_methods()});
  return {};
}

void OpenedConnection::on_accepted(const Settings& settings, const MetadataView&) {
  connection_.set_peer_requests_max(settings.max_concurrent_requests);
}

void OpenedConnection::on_message(wire::roam::Kind kind, ByteView message, ByteView body, Block* block) {
  const bool is_well = kind == wire::roam::Kind::request ? connection_.on_request_bytes(message, body.data(), block)
                                                         : connection_.on_channel_bytes(message, body.data(), block);
  if (is_well || state() == State::idle) return;
  const Error fault = connection_.fault();
  if (session_.machine().is_peer_foreign()) {
    session_.break_off(fault);
    return;
  }
  session_.close_for_breach(*this, fault);
  on_over(Over::ended, fault);
}

void OpenedConnection::close(const Error& why, const Metadata& said) {
  session_.close(*this, said);
  on_over(Over::ended, why);
}

void OpenedConnection::on_over(Over how, const Error& why) {
  using enum Connection::Committed;
  connection_.end(why, how == Over::rejected ? was_refused : how == Over::lost ? is_dropped : may_leave);
  bury_if_unused();
}

void OpenedConnection::on_last_caller_gone() {
  if (is_ours_ && state() != State::idle) close({Code::closed, "the last user of the connection is gone"}, {});
  bury_if_unused();
}

// One of ours may be opened again.
void OpenedConnection::bury_if_unused() {
  if (is_ours_ || state() != State::idle || callers_ != 0 || is_buried_) return;
  is_buried_ = true;
  session_.bury(*this);
}

}  // namespace parley::runtime
