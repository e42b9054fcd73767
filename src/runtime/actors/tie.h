#pragma once

#include <atomic>
#include <cstdint>

#include "async/frame_pool.h"
#include "base/intrusive_list.h"
#include "runtime/actors/actor_ref.h"
#include "runtime/actors/parcel.h"

namespace parley::runtime {

class Tie;

// One end of a tie, in the list of the actor there.
struct TieEnd : ListNode {
  TieEnd(Tie& tie, const ActorRef& actor, Parcel::Arrive arrive) : tie(tie), actor(actor), news(arrive, *this) {}

  struct News final : Parcel {
    News(Arrive arrive, TieEnd& end) : Parcel(arrive), end(end) {}
    TieEnd& end;
  };
  Tie& tie;
  const ActorRef actor;
  News news;            // to the other end: this one is gone
  bool is_cut = false;  // and not because its actor has ended
};

// A link or a monitor: one node in the list of each of two actors. The end of one takes both out of the lists, or sends
// news to the home of the other; an actor is told only if its own end was still in its list. So each is told once at
// most, and once at least: one that had ended when the tie came to it sends the same news. Between homes a tie belongs
// to both ends, and dies when the news of each has come or lost its point.
class Tie final : public async::Pooled {
 public:
  enum class Kind : std::uint8_t { link, monitor };

  // On the thread of `one`, which wants it, and for a monitor alone is told. Errors: overloaded (the other's inbox).
  static Result<void> make(Kind kind, Actor& one, const ActorRef& other);
  // Takes the end out, and tells the other that its actor has ended, or (cut) just that it is free.
  static void part(TieEnd& end, bool is_cut);

  bool links(const Actor& other) const {
    return kind_ == Kind::link && (one_.actor.get() == &other || other_.actor.get() == &other);
  }
  bool monitors(const TieEnd& end, const ActorRef& other) const {
    return kind_ == Kind::monitor && &end == &one_ && other_.actor == other;
  }
  bool is_made_by(const TieEnd& end) const { return &end == &one_; }
  bool is_at_one_home() const { return is_at_one_home_; }

 private:
  Tie(Kind kind, Actor& one, const ActorRef& other);
  TieEnd& across(const TieEnd& end) { return &end == &one_ ? other_ : one_; }
  void tell(TieEnd& end);
  void release();
  static void arrive(Parcel& parcel);       // of the tie itself, at the other's home
  static void arrive_news(Parcel& parcel);  // of an end

  const Kind kind_;
  const bool is_at_one_home_;
  std::atomic<std::uint8_t> ends_ = 2;  // whose news has not come
  TieEnd one_;
  TieEnd other_;
  struct Coming final : Parcel {
    explicit Coming(Tie& tie) : Parcel(&Tie::arrive), tie(tie) {}
    Tie& tie;
  } coming_{*this};
};

}  // namespace parley::runtime
