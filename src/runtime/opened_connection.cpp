#include "runtime/opened_connection.h"

#include "core/directory/name.h"
#include "runtime/method_table.h"
#include "runtime/session.h"

namespace parley::runtime {

using wire::roam::MetadataView;
using wire::roam::Settings;

OpenedConnection::OpenedConnection(Session& session, std::string service)
    : session_(session), origin_(Origin::service), service_(std::move(service)), connection_(session, *this) {}

OpenedConnection::OpenedConnection(Session& session, const Terms& terms)
    : session_(session), origin_(Origin::ours), connection_(session, *this) {
  open_with(terms);
}

OpenedConnection::OpenedConnection(Session& session, const ConnectionOpening& opening, const Terms& terms)
    : session_(session),
      origin_(Origin::peer),
      peer_metadata_(opening.metadata.to_metadata()),
      connection_(session, *this) {
  std::uint64_t bits = 0;
  const bool is_parley = opening.metadata.find_number(wire::roam::names::peer, bits) != nullptr;
  const wire::roam::Parity parity = opposite(opening.settings.parity);
  session.take(*this, opening.id);
  connection_.open({.id = opening.id,
                    .parity = parity,
                    .peer_requests_max = opening.settings.max_concurrent_requests,
                    .requests_max = terms.requests_max,
                    .is_peer_foreign = !is_parley,
                    .methods = terms.methods});
  Metadata metadata = session.mark();
  metadata.append(terms.metadata);
  session.accept(*this, {parity, terms.requests_max}, metadata);
}

OpenedConnection::~OpenedConnection() {
  is_buried_ = true;
  const Error error{Code::closed, "the loop is gone"};
  connection_.end(error, Connection::Committed::is_dropped, error);
}

Result<void> OpenedConnection::open() {
  if (!session_.is_established()) return fail(session_.away());
  if (origin_ != Origin::service) return fail(Code::closed, "the connection");
  PARLEY_TRY(core::check_name(service_));
  Metadata metadata;
  metadata.add(std::string(wire::roam::names::service), service_);
  open_with({.parity = session_.machine().parity(),
             .requests_max = session_.requests_max(),
             .metadata = std::move(metadata),
             .methods = session_.root_methods()});
  return {};
}

// What the peer accepts is known when it has answered; until then it is what it accepts on the root.
void OpenedConnection::open_with(const Terms& terms) {
  Metadata metadata = session_.mark();
  metadata.append(terms.metadata);
  session_.open(*this, {terms.parity, terms.requests_max}, metadata);
  connection_.open({.id = id(),
                    .parity = terms.parity,
                    .peer_requests_max = session_.machine().peer_requests_max(),
                    .requests_max = terms.requests_max,
                    .is_peer_foreign = session_.machine().is_peer_foreign(),
                    .methods = terms.methods});
  session_.keepalive().expect();
}

void OpenedConnection::on_accepted(const Settings& settings, const MetadataView& metadata) {
  if (origin_ == Origin::ours) peer_metadata_ = metadata.to_metadata();
  connection_.set_peer_requests_max(settings.max_concurrent_requests);
  answered_.set();
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

void OpenedConnection::close(const Metadata& metadata) {
  if (state() == State::idle) return;
  Metadata refusal;
  close({Code::closed, "the connection was closed here"}, connection_.fit_or_refused(metadata, refusal));
}

void OpenedConnection::close(const Error& why, const Metadata& said) {
  session_.close(*this, said);
  on_over(Over::ended, why);
}

void OpenedConnection::on_over(Over how, const Error& why) {
  using enum Connection::Committed;
  // Closed here, or by a peer that says nothing else.
  const bool is_in_order = why.code == Code::closed || (how == Over::closed && why == Error{Code::lost, {}});
  why_over_ = why;
  connection_.end(why,
                  how == Over::rejected ? was_refused
                  : how == Over::lost   ? is_dropped
                                        : may_leave,
                  is_in_order ? std::nullopt : why_over_);
  answered_.set();
  bury_if_unused();
}

void OpenedConnection::on_last_caller_gone() {
  if (origin_ != Origin::peer && state() != State::idle) {
    close({Code::closed, "the last user of the connection is gone"}, {});
  }
  bury_if_unused();
}

// One for a service may be opened again.
void OpenedConnection::bury_if_unused() {
  if (origin_ == Origin::service || state() != State::idle || callers_ != 0 || is_buried_) return;
  is_buried_ = true;
  session_.bury(*this);
}

}  // namespace parley::runtime
