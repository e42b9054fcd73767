#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/arrival.h"
#include "hub/gate.h"
#include "hub/hub.h"
#include "runtime/stable_sessions.h"

namespace parley::hub {

class DoorEvents {
 public:
  // Shakes hands over this link, in time, and is a newcomer until Door::forget().
  virtual void on_newcomer(std::uint64_t id, std::unique_ptr<io::Link> link, std::optional<core::Principal> seen,
                           Instant until) = 0;
  // Speaks HTTP: asks in time something for which it is let in, and is a newcomer until Door::forget(). False, and the
  // stream stays: nobody here does.
  virtual bool on_http(std::uint64_t id, std::unique_ptr<io::Stream>& stream,
                       const std::optional<core::Principal>& seen, Instant until) = 0;
  // Speaks commands, in lines.
  virtual void on_lines(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) = 0;
  // Speaks frames of the bus.
  virtual void on_bus(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) = 0;
  // Speaks lines of a host pipe.
  virtual void on_hostpipe(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) = 0;
  // One of these has to go, because others came.
  virtual void on_pushed_out(std::uint64_t id) = 0;
  virtual void on_http_pushed_out(std::uint64_t id) = 0;
  // Whom nobody knows, at a hub that knows nobody by what he brings.
  virtual void on_stranger(const std::optional<core::Principal>& seen, const io::Peer& peer) = 0;
  virtual void on_listener_failed(Error error) = 0;
  virtual std::size_t session_count() const = 0;

 protected:
  ~DoorEvents() = default;
};

// Where streams come in: asks each what it speaks, and gives those on that the hub serves. On the hub's loop.
class Door final : private ArrivalEvents {
 public:
  Door(DoorEvents& hub, io::Loop& loop, const Limits& limits, const Gate& gate)
      : hub_(hub), loop_(loop), limits_(limits), gate_(gate), stable_(loop, limits, [this](auto what) {
          on_refused(what);
        }) {}

  Result<std::string> listen(std::string_view uri, Hub::Speaks speaks);
  // Whoever has not said what he speaks goes, and nobody comes any more.
  void close();
  // What came by HTTP and becomes a WebSocket at /roam: what it speaks inside is asked again.
  void on_websocket(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until);
  // Was let in, or is gone.
  void forget(std::uint64_t newcomer) {
    newcomers_.erase(newcomer);
    http_newcomers_.erase(newcomer);
  }
  DoorCounters counters;

 private:
  struct Listening final : io::ListenerEvents {
    Listening(Door& door, Hub::Speaks speaks, bool is_inside) : door(door), speaks(speaks), is_inside(is_inside) {}
    void on_stream(std::unique_ptr<io::Stream> stream) override { door.on_stream(std::move(stream), *this); }
    void on_listener_failed(Error error) override { door.on_listener_failed(*this, std::move(error)); }
    Door& door;
    const Hub::Speaks speaks;
    const bool is_inside;  // who comes is in this process
    std::unique_ptr<io::Listener> listener;
  };
  struct Arrived {
    std::uint64_t id = 0;
    std::unique_ptr<io::Stream> stream = nullptr;
    std::optional<core::Principal> seen;
    Instant until;                                       // by when it has said who it is
    wire::Opening inside_of = wire::Opening::undecided;  // whose stream this is: TLS or HTTP
  };

  void on_stream(std::unique_ptr<io::Stream> stream, const Listening& at);
  void on_listener_failed(Listening& at, Error error);
  void on_opening(Arrival& arrival, wire::Opening opening) override;
  void on_silence(Arrival& arrival) override;
  void make_room();
  void push_one_out();
  Arrived take(Arrival& arrival);
  void listen_to(std::unique_ptr<io::Stream> stream, Arrived arrived);
  bool look_inside(Arrived& arrived, wire::Opening opening);
  void refuse(Arrived& arrived, wire::Opening opening);
  void ask(Arrived arrived);
  void on_refused(runtime::StableSessions::Refused what);
  void admit(std::uint64_t id, std::unique_ptr<io::Link> link, std::optional<core::Principal> seen, Instant until);
  void bury(std::unique_ptr<io::Stream> stream);
  bool has_room() const { return hub_.session_count() + arrivals_.size() - newcomers_.size() < limits_.sessions_max; }

  DoorEvents& hub_;
  io::Loop& loop_;
  const Limits& limits_;
  const Gate& gate_;
  runtime::StableSessions stable_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<const Arrival*, Arrived> arrivals_;
  std::map<std::uint64_t, Arrival*> newcomers_;  // as they came; null: shaking hands
  std::set<std::uint64_t> http_newcomers_;       // beside these, as they came: let in with no request yet
  std::vector<std::unique_ptr<Listening>> listening_;
};

}  // namespace parley::hub
