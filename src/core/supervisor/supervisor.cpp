#include "core/supervisor/supervisor.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::core {

bool Supervisor::watches(Child child) const {
  return std::ranges::find(children_, child, &Watched::child) != children_.end();
}

Supervisor::Watched* Supervisor::find(Child child) {
  const auto found = std::ranges::find(children_, child, &Watched::child);
  return found == children_.end() ? nullptr : &*found;
}

Result<void> Supervisor::add(Child child, Restart restart, Effects& effects) {
  if (state_ != State::running) return fail(Code::closed, "the supervisor");
  if (find(child)) return fail(Code::in_use, fmt::format("child {} is watched already", child));
  children_.push_back({.child = child, .restart = restart});
  effects.push_back(Start{child});
  return {};
}

bool Supervisor::remove(Child child, Instant now, Effects& effects) {
  Watched* const watched = find(child);
  if (!watched || watched->is_removed) return false;
  watched->is_removed = true;
  if (watched->life == Life::running) {
    end(*watched, now, effects);
  } else if (watched->life == Life::ended) {
    children_.erase(children_.begin() + (watched - children_.data()));
  }
  return true;
}

void Supervisor::exited(Child child, const ExitReason& reason, Instant now, Effects& effects) {
  Watched* const watched = find(child);
  if (!watched || watched->life == Life::ended) return;
  const bool was_wanted = watched->life == Life::ending || watched->is_to_end;
  watched->life = Life::ended;
  watched->is_to_end = false;
  watched->kill_at = Instant::never();
  if (watched->is_removed) {
    children_.erase(children_.begin() + (watched - children_.data()));
  } else if (state_ == State::running && !was_wanted) {
    const bool is_to_restart =
        watched->restart == Restart::always || (watched->restart == Restart::on_crash && reason.is_crash());
    const auto place = watched - children_.data();
    if (is_to_restart) {
      give_up_or_restart(static_cast<std::size_t>(place), now, effects);
    } else {
      children_.erase(children_.begin() + place);  // for good
    }
  }
  go_on(now, effects);
}

void Supervisor::give_up_or_restart(std::size_t place, Instant now, Effects& effects) {
  if (!is_within_budget(now)) {
    why_ =
        Error{Code::overloaded,
              fmt::format("child {} has ended, and {} restarts within {} s are too many", children_[place].child,
                          recent_.size(), std::chrono::duration_cast<std::chrono::seconds>(options_.within).count())};
    return stop(now, effects);
  }
  ++restarts_;
  const Instant when = now + backoff();
  children_[place].start_at = when;
  if (options_.strategy == Strategy::one_for_one) return;
  for (std::size_t i = options_.strategy == Strategy::one_for_all ? 0 : place + 1; i < children_.size(); ++i) {
    Watched& each = children_[i];
    if (i == place || each.is_removed) continue;
    each.is_to_end = each.is_to_end || each.life == Life::running;
    // One that has ended for good, as it may, stays so.
    const bool comes_again = each.life != Life::ended || !each.start_at.is_never();
    if (comes_again) each.start_at = each.start_at.is_never() ? when : std::max(each.start_at, when);
  }
}

void Supervisor::end(Watched& watched, Instant now, Effects& effects) {
  watched.life = Life::ending;
  watched.is_to_end = false;
  watched.kill_at = now + options_.stop_max;
  effects.push_back(Stop{watched.child});
}

// Those that are to end do so one after another, the last one first; then those start again whose time has come.
void Supervisor::go_on(Instant now, Effects& effects) {
  if (state_ == State::over || std::ranges::any_of(children_, [](const Watched& each) {
        return each.life == Life::ending && !each.is_removed;
      })) {
    return;
  }
  for (auto each = children_.rbegin(); each != children_.rend(); ++each) {
    if (each->is_to_end) return end(*each, now, effects);
  }
  if (state_ == State::ending) {
    if (running_count() != 0) return;  // one that was removed, and goes by itself
    state_ = State::over;
    effects.push_back(Over{why_});
    return;
  }
  for (Watched& each : children_) {
    if (each.life != Life::ended || each.start_at > now) continue;
    each.start_at = Instant::never();
    each.life = Life::running;
    effects.push_back(Start{each.child});
  }
}

void Supervisor::stop(Instant now, Effects& effects) {
  if (state_ != State::running) return;
  state_ = State::ending;
  for (Watched& each : children_) {
    each.start_at = Instant::never();
    each.is_to_end = each.life == Life::running;
  }
  go_on(now, effects);
}

bool Supervisor::is_within_budget(Instant now) {
  while (!recent_.empty() && now - recent_.front() >= options_.within) recent_.pop_front();
  if (recent_.size() >= options_.restarts_max) return false;
  recent_.push_back(now);
  return true;
}

// Of the series that this restart belongs to; between a half of it and the whole.
Duration Supervisor::backoff() {
  Duration wait = options_.backoff_first;
  for (std::size_t i = 1; i < recent_.size() && wait < options_.backoff_max; ++i) wait *= 2;
  const auto half = static_cast<std::uint64_t>(std::min(wait, options_.backoff_max).count()) / 2;
  return Duration(static_cast<Duration::rep>(half + prng_.between(0, half)));
}

Instant Supervisor::next_deadline() const {
  Instant next = Instant::never();
  if (state_ == State::over) return next;
  const bool may_start = std::ranges::none_of(
      children_, [](const Watched& each) { return each.is_to_end || (each.life == Life::ending && !each.is_removed); });
  for (const Watched& each : children_) {
    next = std::min(next, each.kill_at);
    if (may_start && each.life == Life::ended) next = std::min(next, each.start_at);
  }
  return next;
}

void Supervisor::on_time(Instant now, Effects& effects) {
  for (Watched& each : children_) {
    if (each.kill_at > now) continue;
    each.kill_at = Instant::never();
    effects.push_back(Kill{each.child});
  }
  go_on(now, effects);
}

std::size_t Supervisor::running_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(children_, [](const Watched& each) { return each.life != Life::ended; }));
}

}  // namespace parley::core
