#include "runtime/actors/tie.h"

#include <functional>
#include <memory>

#include "runtime/actors/actor.h"

namespace parley::runtime {

Tie::Tie(Kind kind, Actor& one, const ActorRef& other)
    : kind_(kind),
      is_at_one_home_(one.home() == other.get()->home()),
      one_(*this, one.ref(), &Tie::arrive_news),
      other_(*this, other, &Tie::arrive_news) {}

Result<void> Tie::make(Kind kind, Actor& one, const ActorRef& other) {
  const bool is_far = one.home() != other.get()->home();
  if (is_far && !other.get()->home()->has_room()) return fail(Code::overloaded, "the other loop does not take it in");
  // tidy: allow new the constructor is private, and the tie belongs to its ends
  Tie& tie = *new Tie(kind, one, other);
  one.ties_.push_back(tie.one_);
  ++one.ties_made_;
  Actor& over_there = *other.get();
  if (tie.is_at_one_home_) {
    if (over_there.has_ended()) {
      part(tie.other_, false);
    } else {
      over_there.ties_.push_back(tie.other_);
    }
  } else if (!over_there.home()->push_counted(tie.coming_)) {
    // Its home is gone, and it has ended with that.
    tie.one_.leave();
    --one.ties_made_;
    tie.tell(tie.one_);
    delete &tie;
  }
  return {};
}

void Tie::part(TieEnd& end, bool is_cut) {
  Tie& tie = end.tie;
  TieEnd& across = tie.across(end);
  if (end.is_linked()) {
    end.leave();
    if (tie.is_made_by(end)) --end.actor.get()->ties_made_;
  }
  end.is_cut = is_cut;
  if (!tie.is_at_one_home_) {
    const std::shared_ptr<ActorHome> home = across.actor.get()->home();
    if (!home->push(end.news)) tie.release();
    return;
  }
  across.leave();
  if (tie.is_made_by(across)) --across.actor.get()->ties_made_;
  if (!is_cut) tie.tell(across);
  delete &tie;
}

void Tie::arrive(Parcel& parcel) {
  Tie& tie = static_cast<Coming&>(parcel).tie;
  Actor& here = *tie.other_.actor.get();
  if (here.has_ended() && !here.is_in_grave_) return part(tie.other_, false);
  // Both wanted it at once: the link of the same one of them stays, at both ends.
  if (TieEnd* const own = tie.kind_ == Kind::link ? here.link_with(*tie.one_.actor.get()) : nullptr) {
    const bool stays = std::less<const Actor*>()(tie.one_.actor.get(), &here);
    if (!stays) return part(tie.other_, true);
    part(*own, true);
  }
  here.ties_.push_back(tie.other_);
}

void Tie::arrive_news(Parcel& parcel) {
  TieEnd& gone = static_cast<TieEnd::News&>(parcel).end;
  Tie& tie = gone.tie;
  TieEnd& here = tie.across(gone);
  if (here.is_linked()) {
    here.leave();
    if (tie.is_made_by(here)) --here.actor.get()->ties_made_;
    if (!gone.is_cut) tie.tell(here);
    tie.release();
  }
  tie.release();
}

// The actor of this end learns that the other one has ended.
void Tie::tell(TieEnd& end) {
  const ActorRef told = end.actor;
  const ActorRef dead = across(end).actor;
  if (kind_ == Kind::link) {
    told.get()->on_linked_end(*dead.get());
  } else if (is_made_by(end)) {
    told.get()->deliver_exit(dead, dead.get()->exit_reason(), dead.get()->ended_at());
  }
}

void Tie::release() {
  if (ends_.fetch_sub(1, std::memory_order_acq_rel) == 1) const std::unique_ptr<Tie> nobodys(this);
}

}  // namespace parley::runtime
