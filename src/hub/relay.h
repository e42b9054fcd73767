#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "async/executor.h"
#include "base/histogram.h"
#include "hub/backlog.h"
#include "hub/relay_trace.h"
#include "runtime/session.h"

namespace parley::hub {

class Relay;

inline std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::max(duration, Duration::zero()) / std::chrono::microseconds(1));
}

// What the owner of relays is told of them.
class RelayEvents {
 public:
  virtual void on_load(Relay& relay, std::int64_t calls) = 0;  // so many more of the client's calls are in flight
  virtual void on_over(Relay& relay) = 0;                      // the last event; the relay is the owner's to destroy

 protected:
  ~RelayEvents() = default;
};

// A connection of a client joined to one of the provider that was chosen for it. Messages pass as they came, under the
// same ids, in their order; only the number of the connection changes. Looked at are calls and responses, so that who
// waits for a lost one learns what became of it, and channels, so that a slow reader holds up none but itself:
//
//   quota              above it, credit from the slow side is withheld
//   twice that         channels toward it are reset, and new calls to it refused, as overloaded; results become errors
//   a quota and 64 KiB above that the connection ends
//
// On the loop of both sessions; owned by the hub, which destroys it from the executor when both ends are over.
class Relay final : public Mortal {
 public:
  struct Parties {
    runtime::Session& client;
    runtime::Session& provider;
    std::string name;       // of the service
    Histogram& latency_us;  // of calls that the provider answers; lives as long as its session
    std::shared_ptr<Tracing> tracing = nullptr;
  };
  Relay(RelayEvents& events, Parties parties);

  // A connection that the client opened, which is taken, or its root, when it is foreign.
  void start(const runtime::ConnectionOpening& opening);
  void start_on_root();
  // What came on the client's root. False: it is not this relay's.
  bool on_root_message(wire::roam::Kind kind, ByteView body);
  // What waits in it now.
  struct Waiting {
    Instant oldest_call = Instant::never();  // when it passed
    std::uint64_t client_credit = 0;         // withheld from the provider, in items
    std::uint64_t provider_credit = 0;       // and the other way round
  };
  Waiting waiting() const;
  // Whether a call from the other end does.
  bool waits_for(const runtime::Session& session) const {
    return (&session == &provider_.session && !client_.calls.empty()) ||
           (&session == &client_.session && !provider_.calls.empty());
  }

  // The client's session is over, and with it its root.
  void on_root_over(const Error& why) { on_end_over(client_, runtime::ConnectionUser::Over::ended, why); }

 private:
  struct End final : runtime::ConnectionUser {
    End(Relay& relay, runtime::Session& session) : relay(relay), session(session), drained(*this) {}
    void on_accepted(const wire::roam::Settings& settings, const wire::roam::MetadataView& metadata) override;
    void on_message(wire::roam::Kind kind, ByteView message, ByteView body, Block* block) override;
    void on_over(Over how, const Error& why) override { relay.on_end_over(*this, how, why); }

    struct Drained final : runtime::LinkWaiter {
      explicit Drained(End& end) : LinkWaiter(&Drained::run), end(end) {}
      static void run(LinkWaiter& waiter) {
        End& end = static_cast<Drained&>(waiter).end;
        end.relay.release_credit(end);
      }
      End& end;
    };

    Relay& relay;
    runtime::Session& session;
    bool is_open = false;
    Backlog toward;  // of what waits to go this way
    struct Passed {
      std::uint64_t position;  // behind it, in the output of the other session
      Instant at;
      std::unique_ptr<RelayTrace> trace = nullptr;  // where it is traced
    };
    std::unordered_map<std::uint64_t, Passed> calls;  // from here, not answered yet
    std::unordered_set<std::uint64_t> cut;            // channels that this end sends on, and that have been reset
    std::map<std::uint64_t, std::uint64_t> withheld;  // credit from here, by channel
    Drained drained;
  };

  End& other(const End& end) { return &end == &client_ ? provider_ : client_; }
  std::size_t quota(const End& end) const { return end.session.options().limits.outbound_bytes_max; }
  std::size_t queued_toward(End& end) {
    const OutBuffer& out = end.session.link().out();
    return out.empty() ? 0 : end.toward.bytes(out.sent());
  }
  bool is_overfull(End& end);
  void forward(End& from, wire::roam::Kind kind, ByteView body);
  void on_request(End& from, ByteView body);
  void on_call(End& from, std::uint64_t id, wire::roam::Decoder& call, ByteView body);
  void on_response(End& from, std::uint64_t id, const wire::roam::Decoder& response, ByteView body);
  void on_channel(End& from, ByteView body);
  void on_item(End& from, std::uint64_t channel, ByteView body);
  void on_grant(End& from, std::uint64_t channel, wire::roam::Decoder& decoder, ByteView body);
  void release_credit(End& from);

  // The position behind it.
  std::uint64_t pass(End& to, wire::roam::Kind kind, ByteView body);
  void answer(End& to, std::uint64_t id, runtime::RoamError kind, const Error& error);
  void cut_off(End& from, std::uint64_t channel, const Error& why);
  void put_channel_end(End& to, std::uint64_t channel, wire::roam::ChannelKind kind, const Error& why);
  void note_sent(End& to, std::size_t bytes);
  void break_off(End& from, const Error& breach);
  void overrun(const Error& why);
  void on_end_over(End& end, runtime::ConnectionUser::Over how, const Error& why);
  void end_client(runtime::ConnectionUser::Over how, const Error& why);
  void finish_if_over();

  RelayEvents& events_;
  std::string name_;
  Histogram& latency_us_;
  const std::shared_ptr<Tracing> tracing_;
  End client_;
  End provider_;
  wire::roam::Parity client_parity_ = wire::roam::Parity::odd;  // of its ids in the connection
  bool is_on_root_ = false;
  bool is_over_ = false;
};

}  // namespace parley::hub
