#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/executor.h"
#include "base/histogram.h"
#include "core/policy/policy.h"
#include "hub/relay.h"
#include "runtime/session.h"

namespace parley::hub {

class Visitor;

// What the hub does for its visitors.
class VisitorEvents {
 public:
  virtual void on_established(Visitor& visitor) = 0;
  virtual Result<void> on_open(Visitor& visitor, const runtime::ConnectionOpening& opening) = 0;
  // The relay for the root of a foreign visitor that calls this method; null: nobody provides that.
  virtual Relay* bind_root(Visitor& visitor, std::uint64_t method) = 0;
  // Whether a call that passed the hub waits for it.
  virtual bool waits_for(const Visitor& visitor) const = 0;
  virtual void on_session_over(Visitor& visitor, const Error& why) = 0;

 protected:
  ~VisitorEvents() = default;
};

// One session of the hub: a client, a worker, or both. Owned by the hub; it is the session's first caller.
class Visitor final : public Mortal, private runtime::ConnectionAcceptor, private runtime::SessionWatch {
 public:
  Visitor(VisitorEvents& hub, std::uint64_t id, std::optional<core::Principal> seen)
      : hub_(hub), id_(id), seen_(std::move(seen)) {}
  ~Visitor() override;

  struct Terms {
    const Limits& limits;
    Instant handshake_until;
    runtime::Farewells* farewells;
  };
  void start(io::Loop& loop, std::unique_ptr<io::Link> link, const Terms& terms, const runtime::MethodTable& methods);

  std::uint64_t id() const { return id_; }
  runtime::Session& session() const { return *session_; }
  // As whom the system knows it.
  const std::optional<core::Principal>& seen() const { return seen_; }
  // What it may, from its entry on.
  void enter(core::Rights rights) { rights_.emplace(std::move(rights)); }
  bool has_entered() const { return rights_.has_value(); }
  const core::Rights& rights() const {
    PARLEY_ASSERT(has_entered());
    return *rights_;
  }
  void forget(const Relay& relay) {
    if (root_relay_ == &relay) root_relay_ = nullptr;
  }

  // Takes clients that are introduced to it, as far as is known: it offered something when it came.
  bool takes_introductions = false;
  std::uint64_t calls_in_flight = 0;          // that it provides
  std::map<std::string, Histogram> answered;  // by the name that was called: how many microseconds it took
  std::uint32_t relays = 0;                   // in which it is the client
  std::uint64_t calls_asked = 0;              // as that
  std::uint64_t calls_waiting = 0;

 private:
  Result<void> on_open(runtime::Session& session, const runtime::ConnectionOpening& opening) override;
  void on_established() override { hub_.on_established(*this); }
  bool on_root_message(wire::roam::Kind kind, ByteView body) override;
  bool waits_for_peer() const override { return hub_.waits_for(*this); }
  void on_session_over(const Error& why) override;

  VisitorEvents& hub_;
  std::uint64_t id_;
  std::optional<core::Principal> seen_;
  std::optional<core::Rights> rights_;
  runtime::Session* session_ = nullptr;
  const runtime::MethodTable* methods_ = nullptr;
  Relay* root_relay_ = nullptr;  // of a foreign one that has called something
};

}  // namespace parley::hub
