#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "sim/call_book.h"
#include "sim/flow_book.h"
#include "sim/swarm.h"
#include "sim/wire_model.h"
#include "sim/workshop.h"
#include "sim/world.h"

namespace parley::sim {

// What all parties of a run share.
struct Scene {
  World& world;
  const Swarm& swarm;
  CallBook& calls;
  FlowBook& flows;
  Verdicts& verdicts;
  Coverage& coverage() const { return world.coverage(); }
};

// One side of one session: serves the workshop, and lets its actors call that of the other side. Lives until nothing
// of its session is left.
class Party final : private Workshop, public Way {
 public:
  Party(const Scene& scene, WireModel& wire, std::size_t side, bool is_foreign);
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  ~Party() override;

  // Once. The side tells the role: 0 begins the handshake.
  void begin(std::unique_ptr<io::Link> link);
  // The actors have done what they had to do, or there is nobody to do it.
  bool is_idle() const;
  // Its session has come and gone, or never came.
  bool is_over() const { return session_ == nullptr || wire_.is_destroyed(side_); }
  // Lets go of the session; what still runs here is destroyed.
  void release();
  // In the middle of it.
  void close();
  // As if its process died: what runs here is destroyed, and nobody is told.
  void die();
  void abandon();

  // Nothing is left to do at the present time: whether what waits here is within its bounds.
  void check_moment();
  Way::State state() const override;
  bool is_silent() const override { return wire_.broken() == Break::half_open; }
  bool may_breach() const override { return wire_.broken() == Break::garbage || wire_.has_reported(); }
  bool may_still_leave() const override;
  // Across links: see StableModel.
  void set_stable() { is_stable_ = true; }
  const std::optional<Error>* end_reason() const;
  bool is_foreign() const override { return is_foreign_; }

 private:
  class HandlerGuard;
  class Calling;
  class Sending;
  class Receiving;
  struct Actor;
  // What a caller bears.
  struct Patience {
    std::optional<Duration> drop_after;
    std::optional<Duration> deadline;
  };

  // --- what the other side calls
  Task<std::string> echo(std::uint64_t ticket, std::string body) override;
  Task<std::int64_t> add(std::uint64_t ticket, std::int64_t a, std::int64_t b) override;
  Task<Either<std::int64_t, WorkError>> divide(std::uint64_t ticket, std::int64_t a, std::int64_t b) override;
  Task<std::uint64_t> nap(Context& context, std::uint64_t ticket, std::uint64_t us) override;
  Task<std::uint64_t> explode(std::uint64_t ticket, std::uint64_t us) override;
  Task<Result<std::uint64_t>> refuse(std::uint64_t ticket, std::uint64_t us) override;
  Task<std::string> inflate(std::uint64_t ticket, std::uint64_t bytes) override;
  Task<std::uint64_t> call_back(Context& context, std::uint64_t ticket, std::uint64_t depth) override;
  Task<std::uint64_t> collect(std::uint64_t ticket, std::uint64_t flow, std::uint64_t items_max, std::uint64_t pace_us,
                              Rx<Item> items) override;
  Task<std::uint64_t> produce(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count, std::uint64_t bytes,
                              std::uint64_t pace_us, bool closes, Tx<Item, 8> items) override;
  Task<std::uint64_t> trickle(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count,
                              Tx<Item, 0> items) override;
  Task<std::uint64_t> exchange(std::uint64_t ticket, std::uint64_t flow_there, std::uint64_t flow_back,
                               Rx<Item, 4> there, Tx<Item, 64> back) override;

  // --- what its actors do
  Task<void> act(Actor& actor);
  Task<void> do_deed(Deed deed, Actor& actor);
  Task<void> unary_deed(Deed deed);
  Task<void> burst();
  Task<void> jam();
  Task<void> collect_deed();
  Task<void> produce_deed();
  Task<void> trickle_deed();
  Task<void> exchange_deed(Actor& actor);
  Task<void> pour_deed();
  Task<void> abandon_deed();
  template <std::uint32_t N>
  Task<void> feed(Tx<Item, N> items, std::uint64_t flow, std::uint64_t count, std::uint64_t bytes, Duration pace,
                  bool closes);
  template <std::uint32_t N>
  Task<void> drain(Rx<Item, N> items, std::uint64_t flow, std::uint64_t items_max, Duration pace);
  template <class T, class IsRight>
  Task<void> see_through(Calling& calling, Call<T> call, Patience patience, IsRight is_right);

  bool is_session_there() const { return session_ && !wire_.is_destroyed(side_); }
  bool is_session_over() const { return !is_session_there() || session_->has_ended(); }
  bool has_link_died() const;
  void cover_end();
  template <class S>
  Client<S> client(const Patience& patience) const;
  Patience draw_patience();
  Duration draw_work() { return draw_duration(prng(), swarm().work_max); }
  Duration draw_pace() { return draw_duration(prng(), swarm().pace_max); }
  std::uint64_t open_flow() { return scene_.flows.open(is_foreign_); }
  std::uint64_t draw_items() { return draw_size(prng(), swarm().items_max); }
  World& world() const { return scene_.world; }
  Executor& executor() const { return scene_.world.executor(); }
  Prng& prng() const { return scene_.world.prng(); }
  const Swarm& swarm() const { return scene_.swarm; }

  const Scene scene_;
  WireModel& wire_;
  const std::size_t side_;
  const Limits limits_;
  bool is_stable_ = false;
  const bool is_foreign_;  // one of both ends does not say that it is Parley
  runtime::MethodTable methods_;
  runtime::Session* session_ = nullptr;
  bool holds_session_ = false;
  bool has_covered_end_ = false;
  bool has_closed_ = false;  // the session, from here
  bool was_established_ = false;
  std::uint64_t calls_waited_ = 0;  // that were counted so far
  std::uint64_t items_copied_ = 0;
  std::vector<std::unique_ptr<Actor>> actors_;  // last: their tasks use the rest
};

}  // namespace parley::sim
