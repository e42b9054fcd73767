#include "face/connection.h"

#include "core/directory/name.h"
#include "face/session.h"
#include "runtime/session.h"

namespace parley {

// Beside the mark of Parley and the name of a service.
static Result<void> check_fits(const Metadata& metadata, const Limits& limits) {
  const std::string_view unfit = wire::roam::unfit(metadata, limits, 2);
  return unfit.empty() ? Result<void>() : fail(Code::invalid, std::string(unfit));
}

ConnectionRequest::ConnectionRequest(runtime::Session& session, const runtime::ConnectionOpening& opening)
    : session_(session), opening_(opening), metadata_(opening.metadata.to_metadata()) {
  if (const std::string* name = metadata_.find_text(wire::roam::names::service)) service_ = *name;
}

Result<Connection> ConnectionRequest::accept(const AcceptOptions& options) {
  if (session_.has_ended()) return fail(session_.away());
  if (accepted_) return fail(Code::invalid, "the connection has been accepted");
  PARLEY_TRY(check_fits(options.metadata, session_.options().limits));
  const std::uint32_t requests_max = options.concurrent_requests_max.value_or(session_.requests_max());
  accepted_ =
      Connection(session_.accept(opening_, {.requests_max = requests_max,
                                            .metadata = options.metadata,
                                            .methods = options.services ? &options.services->table() : nullptr}));
  return *accepted_;
}

Task<Result<Connection>> Session::open_connection(ConnectionOptions options) {
  if (!is_open()) co_return fail(session_.away());
  if (!options.service.empty()) {
    co_await core::check_name(options.service);
    options.metadata.add(std::string(wire::roam::names::service), std::string(options.service));
  }
  co_await check_fits(options.metadata, session_.options().limits);
  runtime::OpenedConnection& opened =
      session_.open({.parity = options.parity.value_or(session_.machine().parity()),
                     .requests_max = options.concurrent_requests_max.value_or(session_.requests_max()),
                     .metadata = std::move(options.metadata),
                     .methods = options.services ? &options.services->table() : nullptr});
  Connection connection(opened);
  co_await opened.answered().wait();
  if (opened.why_over()) co_return fail(*opened.why_over());
  co_return connection;
}

}  // namespace parley
