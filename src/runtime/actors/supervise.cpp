#include "runtime/actors/supervise.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <variant>

#include "runtime/actors/ask.h"
#include "runtime/actors/receive.h"

namespace parley {

namespace {

using core::Supervisor;

// What the machine decides, carried out on actors.
class Supervision {
 public:
  Supervision(Actor& self, SupervisorOptions options)
      : self_(self), machine_(options, self.actors().loop().random().next()) {}

  Result<std::uint64_t> add(Child child) {
    const std::uint64_t number = ++last_number_;
    const Restart restart = child.restart;
    children_.push_back({number, std::move(child), {}});
    Supervisor::Effects effects;
    if (auto added = machine_.add(number, restart, effects); !added) {
      children_.pop_back();
      return fail(std::move(added).error());
    }
    carry_out(std::move(effects));
    return number;
  }
  bool remove(std::uint64_t number) {
    Supervisor::Effects effects;
    const bool was_there = machine_.remove(number, now(), effects);
    carry_out(std::move(effects));
    if (Entry* const entry = find(number)) forget_if_unwatched(*entry);
    return was_there;
  }
  void on_exit(const Exited& exited) {
    const auto entry =
        std::ranges::find_if(children_, [&](const Entry& each) { return exited.who && each.ref == exited.who; });
    Supervisor::Effects effects;
    if (entry != children_.end()) {
      machine_.exited(entry->number, exited.reason, now(), effects);
      entry->is_running = false;
      forget_if_unwatched(*entry);
    } else if (!exited.who || exited.reason.is_crash()) {
      machine_.stop(now(), effects);
    }
    carry_out(std::move(effects));
  }
  void on_time() {
    Supervisor::Effects effects;
    machine_.on_time(now(), effects);
    carry_out(std::move(effects));
  }

  Duration until_next() const {
    const Instant next = machine_.next_deadline();
    return next.is_never() ? Duration::max() : std::max(next - now(), Duration::zero());
  }
  const std::optional<Supervisor::Over>& over() const { return over_; }
  ActorRef ref_of(std::uint64_t number) {
    Entry* const entry = find(number);
    return entry ? entry->ref : ActorRef();
  }
  std::vector<ChildStatus> list() const {
    std::vector<ChildStatus> all;
    for (const Entry& each : children_) all.push_back({each.number, each.child.name, each.ref});
    return all;
  }

 private:
  struct Entry {
    std::uint64_t number;
    Child child;
    ActorRef ref;
    bool is_running = false;  // as the machine knows it
  };
  Instant now() const { return self_.actors().loop().now(); }
  Entry* find(std::uint64_t number) {
    const auto found = std::ranges::find(children_, number, &Entry::number);
    return found == children_.end() ? nullptr : &*found;
  }
  void forget_if_unwatched(const Entry& entry) {
    if (!entry.is_running && !machine_.watches(entry.number))
      children_.erase(children_.begin() + (&entry - children_.data()));
  }

  // In their order; what comes of one goes behind the others.
  void carry_out(Supervisor::Effects effects) {
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const Supervisor::Effect effect = effects[i];
      if (const auto* over = std::get_if<Supervisor::Over>(&effect)) {
        over_ = *over;
      } else if (const auto* start = std::get_if<Supervisor::Start>(&effect)) {
        this->start(*find(start->child), effects);
      } else if (const auto* stop = std::get_if<Supervisor::Stop>(&effect)) {
        find(stop->child)->ref.exit();
      } else {
        find(std::get<Supervisor::Kill>(effect).child)->ref.exit({.kind = ExitReason::Kind::killed});
      }
    }
  }
  void start(Entry& entry, Supervisor::Effects& effects) {
    Result<ActorRef> started = entry.child.start(self_.actors(), entry.child.name);
    if (started) {
      entry.ref = *std::move(started);
      entry.is_running = true;
      if (auto linked = self_.link(entry.ref); linked) return;
      entry.ref.exit({.kind = ExitReason::Kind::killed});
      entry.is_running = false;
      started = fail(Code::overloaded, "it has too many children");
    }
    const ExitReason reason{.kind = ExitReason::Kind::error, .text = to_string(started.error())};
    machine_.exited(entry.number, reason, now(), effects);
  }

  Actor& self_;
  Supervisor machine_;
  std::vector<Entry> children_;
  std::uint64_t last_number_ = 0;
  std::optional<Supervisor::Over> over_;
};

}  // namespace

Task<Result<void>> supervise(Actor& self, SupervisorOptions options, std::vector<Child> children) {
  self.trap_exits();
  Supervision supervision(self, options);
  for (Child& each : children) {
    if (!supervision.add(std::move(each))) break;  // it has given up on those before: it ends with why
  }
  while (!supervision.over()) {
    if (supervision.until_next() <= Duration()) {
      supervision.on_time();
      continue;
    }
    auto news = co_await self.receive<Exited, Ask<AddChild, Added>, Ask<RemoveChild, bool>,
                                      Ask<ListChildren, std::vector<ChildStatus>>>(supervision.until_next());
    if (!news) {
      supervision.on_time();
    } else if (const auto* exited = std::get_if<Exited>(&*news)) {
      supervision.on_exit(*exited);
    } else if (auto* add = std::get_if<Ask<AddChild, Added>>(&*news)) {
      const Result<std::uint64_t> number = supervision.add(std::move(add->question.child));
      if (number) {
        add->answer({*number, supervision.ref_of(*number)});
      } else {
        add->refuse(number.error());
      }
    } else if (auto* remove = std::get_if<Ask<RemoveChild, bool>>(&*news)) {
      remove->answer(supervision.remove(remove->question.number));
    } else {
      auto& list = std::get<Ask<ListChildren, std::vector<ChildStatus>>>(*news);
      list.answer(supervision.list());
    }
  }
  if (supervision.over()->why) co_return fail(*supervision.over()->why);
  co_return {};
}

}  // namespace parley
