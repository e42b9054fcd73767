#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "async/wait.h"
#include "hub/bus/bus_connection.h"

namespace parley::hub {

// Where clients of the bus come in: over byte streams, and as messages of WebSockets. As whom they come the system or a
// certificate says, or the token of their Connect. On the hub's loop; destroying it cuts them off.
class BusGate final : private BusConnectionEvents {
 public:
  struct Parts {
    io::Loop& loop;
    const Gate& gate;
    Topics& topics;
    Conversations& conversations;
    // Once all have gone, after close().
    std::move_only_function<void()> on_closed;
  };
  // Newcomers beyond that number push out each other; so do those whose last bytes leave.
  BusGate(Parts parts, BusOptions options, BusHub::Refuse refuse, std::size_t newcomers_max);
  ~BusGate();
  BusGate(const BusGate&) = delete;
  BusGate& operator=(const BusGate&) = delete;

  void admit(BusConnection::Arrival arrival);
  // Nobody comes in any more, and nothing new begins; who is there is told goodbye once what was accepted has left, and
  // is cut off after BusOptions::drain_max. Idempotent.
  void close();
  void cut_all();
  // Until all have gone, after close().
  Task<void> closed() { co_await closed_.wait(); }

  const BusCounters& counters() const { return hub_.counters; }
  std::size_t connection_count() const { return entered_; }
  std::size_t newcomer_count() const { return newcomers_.size(); }
  std::size_t leaving_count() const { return leaving_.size(); }
  std::size_t worker_count() const;
  // From that connection on, until `see(WorkerEntry)` wants no more.
  template <class See>
  void each_worker_from(std::uint64_t from, See see) const {
    for (auto each = connections_.lower_bound(from); each != connections_.end(); ++each) {
      if (each->second->is_worker() && !see(each->second->as_worker())) return;
    }
  }

 private:
  struct Deadline final : Timer {
    explicit Deadline(BusGate& owner) : Timer(&Deadline::fire), gate(owner) {}
    static void fire(Timer& timer) { static_cast<Deadline&>(timer).gate.cut_all(); }
    BusGate& gate;
  };
  bool on_entered(BusConnection& connection) override;
  void on_leaving(BusConnection& connection) override;
  void on_over(BusConnection& connection) override;
  void forget(const BusConnection& connection);
  void tell_if_closed();

  BusHub hub_;
  const std::size_t newcomers_max_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::unique_ptr<BusConnection>> connections_;
  std::set<std::uint64_t> newcomers_;  // of these, as the next
  std::set<std::uint64_t> leaving_;
  std::size_t entered_ = 0;
  bool is_closing_ = false;
  std::move_only_function<void()> on_closed_;
  Event closed_;
  Deadline deadline_{*this};
};

}  // namespace parley::hub
