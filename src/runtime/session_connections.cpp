#include <fmt/format.h>

#include "codec/utf8.h"
#include "runtime/method_table.h"
#include "runtime/session.h"

// The connections of a session beyond its root.
namespace parley::runtime {

using wire::roam::MetadataView;
using wire::roam::Settings;

bool Session::on_connection_message(std::uint64_t id, wire::roam::Kind kind, wire::roam::Decoder& decoder) {
  wire::roam::Payload payload;
  if (!decoder.payload(kind, payload)) return break_off({decoder.fault(), std::string(decoder.what())});
  if (const auto* open = std::get_if<wire::roam::ConnectionOpen>(&payload)) {
    const Result<bool> may = connections_->on_open(id);
    if (!may) return break_off(may.error());
    on_open({id, open->settings, open->metadata}, *may);
    return !has_ended_;
  }
  if (const auto* accept = std::get_if<wire::roam::ConnectionAccept>(&payload)) {
    const Result<core::ConnectionEnd*> end = connections_->on_accept(id);
    if (!end) return break_off(end.error());
    if (*end) static_cast<ConnectionUser*>(*end)->on_accepted(accept->settings, accept->metadata);
    return !has_ended_;
  }
  const auto* reject = std::get_if<wire::roam::ConnectionReject>(&payload);
  const Result<core::ConnectionEnd*> end = reject ? connections_->on_reject(id) : connections_->on_close(id);
  if (!end) return break_off(end.error());
  if (!*end) return true;
  auto& user = *static_cast<ConnectionUser*>(*end);
  if (reject) {
    user.on_over(ConnectionUser::Over::rejected, Connection::said_error(reject->metadata, Code::rejected));
  } else {
    const MetadataView& metadata = std::get<wire::roam::ConnectionClose>(payload).metadata;
    user.on_over(ConnectionUser::Over::closed, Connection::said_error(metadata, Code::lost));
  }
  drop_caller();
  return !has_ended_;
}

void Session::on_open(const ConnectionOpening& opening, bool may_be) {
  Result<void> taken;
  if (!may_be) {
    taken = fail(Code::overloaded, fmt::format("{} connections", options_.limits.connections_max));
  } else if (options_.acceptor) {
    taken = options_.acceptor->on_open(*this, opening);
  } else {
    taken = serve(opening);
  }
  if (taken || has_ended_) return;
  ++counters_.connections_rejected;
  put_connection_message(link_->control(), opening.id, wire::roam::Kind::connection_reject, nullptr,
                         root_.describe(taken.error()));
}

// Whoever names no service may call whatever the root serves.
Result<void> Session::serve(const ConnectionOpening& opening) {
  if (!methods_) return fail(Code::rejected, "this end serves nothing");
  const MethodTable* methods = methods_;
  const Metadata metadata = opening.metadata.to_metadata();
  if (const std::string* name = metadata.find_text(wire::roam::names::service)) {
    // Which every connection answers.
    methods = *name == "parley.Describe" ? methods_ : methods_->named(*name);
    if (!methods) return fail(Code::not_found, fmt::format("no service \"{}\" here", codec::to_line(*name, 128)));
  }
  accept(opening, {.requests_max = requests_max(), .metadata = {}, .methods = methods});
  return {};
}

OpenedConnection& Session::accept(const ConnectionOpening& opening, const OpenedConnection::Terms& terms) {
  OpenedConnection& made = *std::make_unique<OpenedConnection>(*this, opening, terms).release();
  opened_.push_back(made);
  return made;
}

OpenedConnection& Session::open(const OpenedConnection::Terms& terms) {
  OpenedConnection& made = *std::make_unique<OpenedConnection>(*this, terms).release();
  opened_.push_back(made);
  return made;
}

void Session::put_connection_message(OutBuffer& out, std::uint64_t id, wire::roam::Kind kind, const Settings* settings,
                                     const Metadata& metadata) {
  std::uint8_t* cursor = wire::roam::put_head(wire::begin_frame(out, wire::roam::head_bytes_max), id, kind);
  if (settings) {
    *cursor++ = static_cast<std::uint8_t>(settings->parity);
    cursor = codec::put_varint(cursor, settings->max_concurrent_requests);
  }
  wire::end_frame(out, wire::roam::put_metadata(out, cursor, metadata));
  link_->committed_later();
}

Metadata Session::mark() const {
  Metadata metadata;
  if (!machine_.is_peer_foreign()) metadata.add(std::string(wire::roam::names::peer), machine_.our_features());
  return metadata;
}

Connection& Session::to_service(std::string_view name) {
  if (!machine_.is_peer_hub()) return root_;
  auto found = to_services_.find(name);
  if (found == to_services_.end()) {
    auto made = std::make_unique<OpenedConnection>(*this, std::string(name));
    found = to_services_.emplace(name, made.get()).first;
    opened_.push_back(*made.release());
  }
  return found->second->connection();
}

void Session::open(ConnectionUser& user, const Settings& settings, const Metadata& metadata) {
  PARLEY_ASSERT(is_established() && !has_ended_);
  connections_->open(user);
  add_caller();
  put_connection_message(link_->out(), user.id(), wire::roam::Kind::connection_open, &settings, metadata);
}

void Session::take(ConnectionUser& user, std::uint64_t id) {
  connections_->take(user, id);
  add_caller();
}

void Session::accept(ConnectionUser& user, const Settings& settings, const Metadata& metadata) {
  connections_->accept(user);
  put_connection_message(link_->control(), user.id(), wire::roam::Kind::connection_accept, &settings, metadata);
}

void Session::close(ConnectionUser& user, const Metadata& metadata) {
  const bool is_asked = user.state() == core::ConnectionEnd::State::asked;
  if (is_asked) ++counters_.connections_rejected;
  const std::uint64_t id = user.id();
  connections_->close(user);
  if (is_asked) {
    put_connection_message(link_->control(), id, wire::roam::Kind::connection_reject, nullptr, metadata);
  } else {
    put_connection_message(link_->out(), id, wire::roam::Kind::connection_close, nullptr, metadata);
  }
  drop_caller();
}

void Session::close_for_breach(ConnectionUser& user, const Error& breach) {
  ++counters_.connections_broken;
  machine_.count_breach(breach.code);
  const std::uint64_t id = user.id();
  connections_->close(user);
  put_connection_message(link_->control(), id, wire::roam::Kind::connection_close, nullptr, root_.describe(breach));
  drop_caller();
}

void Session::bury(OpenedConnection& connection) {
  connection.leave();
  loop_.executor().bury(std::unique_ptr<Mortal>(&connection));
}

}  // namespace parley::runtime
