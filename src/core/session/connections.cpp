#include "core/session/connections.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::core {

using State = ConnectionEnd::State;

namespace {

std::unexpected<Error> breach(std::string note) { return fail(Code::wrong_connection, std::move(note)); }

}  // namespace

Connections::Connections(const Limits& limits, Counters& counters, const Options& options)
    : limits_(limits),
      counters_(counters),
      options_(options),
      next_id_(wire::roam::first_id(options.parity)),
      own_(options.hash_seed),
      peer_(options.hash_seed) {}

void Connections::open(ConnectionEnd& end) {
  PARLEY_ASSERT(end.state_ == State::idle, end.id_);
  end.id_ = next_id_;
  next_id_ += 2;
  end.state_ = State::opening;
  own_.insert(end.id_, end);
  ++counters_.connections_opened;
}

Result<bool> Connections::on_open(std::uint64_t id) {
  if (id == 0) return breach("connection 0 is always open");
  if (is_own(id)) {
    return breach(fmt::format("ids of connections that the peer opens are {}, {} is not",
                              options_.parity == Parity::odd ? "even" : "odd", id));
  }
  if (peer_.find(id)) return breach(fmt::format("connection {} is open already", id));
  last_peer_id_ = std::max(last_peer_id_, id);
  return peer_.size() < limits_.connections_max;
}

void Connections::take(ConnectionEnd& end, std::uint64_t id) {
  PARLEY_ASSERT(end.state_ == State::idle && !is_own(id), id);
  end.id_ = id;
  end.state_ = State::asked;
  peer_.insert(id, end);
}

void Connections::accept(ConnectionEnd& end) {
  PARLEY_ASSERT(end.state_ == State::asked, end.id_);
  end.state_ = State::open;
  ++counters_.connections_accepted;
}

Result<ConnectionEnd*> Connections::answered(std::uint64_t id, const char* what) {
  if (id == 0 || !is_own(id) || !was_open(id)) {
    return breach(fmt::format("{} of connection {}, which this end never asked for", what, id));
  }
  ConnectionEnd* end = own_.find(id);
  if (end && end->state_ != State::opening) return breach(fmt::format("a second answer about connection {}", id));
  if (!end) ++counters_.messages_late;
  return end;
}

Result<ConnectionEnd*> Connections::on_accept(std::uint64_t id) {
  Result<ConnectionEnd*> end = answered(id, "an accept");
  if (end && *end) (*end)->state_ = State::open;
  return end;
}

Result<ConnectionEnd*> Connections::on_reject(std::uint64_t id) {
  Result<ConnectionEnd*> end = answered(id, "a reject");
  if (end && *end) close(**end);
  return end;
}

Result<ConnectionEnd*> Connections::on_close(std::uint64_t id) {
  if (id == 0) return breach("the root connection cannot be closed");
  Result<ConnectionEnd*> end = on_message(id);
  if (end && *end) close(**end);
  return end;
}

Result<ConnectionEnd*> Connections::on_message(std::uint64_t id) {
  ConnectionEnd* end = find(id);
  if (end) return end;
  if (!was_open(id)) return breach(fmt::format("connection {} was never open", id));
  ++counters_.messages_late;
  return nullptr;
}

void Connections::close(ConnectionEnd& end) {
  PARLEY_ASSERT(end.state_ != State::idle, end.id_);
  ConnectionEnd* const taken = is_own(end.id_) ? own_.take(end.id_) : peer_.take(end.id_);
  PARLEY_ASSERT(taken == &end, end.id_);
  end.state_ = State::idle;
}

ConnectionEnd* Connections::take_any() {
  ConnectionEnd* end = own_.take_any();
  if (!end) end = peer_.take_any();
  if (end) end->state_ = State::idle;
  return end;
}

}  // namespace parley::core
