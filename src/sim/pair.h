#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/stable_sessions.h"
#include "sim/party.h"
#include "sim/sim_network.h"
#include "sim/stable_model.h"

namespace parley::sim {

// Both sides of one session, and who reads along. They meet at an address of their own.
class Pair final : private io::ListenerEvents {
 public:
  Pair(const Scene& scene, SimNetwork& network, std::size_t number);
  ~Pair();

  const std::string& address() const { return address_; }
  void dial();
  // Decides how the next link between them fares.
  SimNetwork::Fate draw_fate(io::FaultPlan* fault_plan);
  void check_moment();
  bool is_idle() const { return has_dialed_ && dialing_.is_idle() && accepting_.is_idle(); }
  bool is_over() const { return dialing_.is_over() && accepting_.is_over(); }

  // Nobody acts any more. Then each side lets go, and what is left of the listener does.
  void stop();
  Party& party(std::size_t side) { return side == 0 ? dialing_ : accepting_; }
  void stop_listening();

 private:
  Task<void> dial_and_begin();
  std::unique_ptr<io::Link> dialed_link(std::unique_ptr<io::Dialer> dialer, std::unique_ptr<io::Stream> stream);
  void on_stream(std::unique_ptr<io::Stream> stream) override;
  void on_listener_failed(Error error) override;
  void accept(std::unique_ptr<io::Link> link);
  void open_door();
  BreakPlan draw_break();
  void draw_finale();
  void end_it();
  void restart();
  void check_restarted();

  const Scene scene_;
  SimNetwork& network_;
  const std::string address_;
  const bool is_stable_;
  const bool is_foreign_;
  const std::uint32_t first_number_;  // of the messages of a stable session
  std::uint32_t breaks_left_;         // of the links of one
  WireModel wire_;
  StableModel stable_;
  Party dialing_;
  Party accepting_;
  std::optional<runtime::StableSessions> sessions_;
  std::unique_ptr<io::Listener> listener_;
  Finale finale_ = Finale::idle;
  std::size_t finale_side_ = 0;
  bool has_dialed_ = false;
  bool is_stopped_ = false;
  bool is_restarted_ = false;  // with a session at work
  SimEventOf<Pair, &Pair::end_it> finale_event_{*this};
  Scope scope_;
};

}  // namespace parley::sim
