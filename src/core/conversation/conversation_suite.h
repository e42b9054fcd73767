#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/conversation/conversation.h"

// A conversation whose effects are kept by what they are about.
namespace parley::core::conversation_suite {

inline Instant at(Duration since) { return Instant::from_ns(1) + since; }

inline Envelope say(std::string_view text) {
  Envelope envelope;
  envelope.payload.assign(text.begin(), text.end());
  return envelope;
}
inline std::string text_of(const Envelope& envelope) { return {envelope.payload.begin(), envelope.payload.end()}; }

class Bench {
 public:
  using Waiter = Conversation::Waiter;
  using Request = Conversation::Request;
  using To = Conversation::To;

  explicit Bench(Conversation::Options options) : machine(std::move(options), now) {}
  explicit Bench(Conversation::OnCrash on_crash = Conversation::OnCrash::fail)
      : Bench(Conversation::Options{.on_crash = on_crash}) {}

  // Carries a call of the machine out.
  template <class F>
  auto keep(F function) {
    Conversation::Effects effects;
    auto result = function(effects);
    for (auto& each : effects) std::visit([this](auto& effect) { this->take(effect); }, each);
    return result;
  }

  Result<Request> send(std::string_view text, bool is_asked = false, To to = {}) {
    return keep([&](auto& effects) { return machine.send(say(text), to, is_asked, now, effects); });
  }
  Result<Request> ask(std::string_view text) { return send(text, true); }
  void reply(Conversation::Participant from, Request request, std::optional<std::string> text) {
    keep([&](auto& effects) {
      machine.replied(from, request, text ? std::optional(say(*text)) : std::nullopt, now, effects);
      return 0;
    });
  }
  Waiter receive(Request of = 0, std::optional<Duration> within = {}) {
    return keep([&](auto& effects) {
      return machine.receive(of, within ? std::optional(now + *within) : std::nullopt, now, effects);
    });
  }
  Result<Conversation::Watch> watch(Conversation::Participant who) {
    return keep([&](auto& effects) { return machine.watch(who, effects); });
  }
  void exit(Conversation::Participant who, ExitReason::Kind kind = ExitReason::Kind::killed, Request untaken = 0) {
    keep([&](auto& effects) {
      machine.exited(who, {kind, {}}, now, effects, untaken);
      return 0;
    });
  }
  Result<void> close() {
    return keep([&](auto& effects) { return machine.close(effects); });
  }
  Result<void> complete() {
    return keep([&](auto& effects) { return machine.complete(effects); });
  }
  void fail(Error why) {
    keep([&](auto& effects) {
      machine.fail(std::move(why), effects);
      return 0;
    });
  }
  void compensated() {
    keep([&](auto& effects) {
      machine.compensated(effects);
      return 0;
    });
  }
  void pass(Duration time) {
    now = now + time;
    keep([&](auto& effects) {
      machine.on_time(now, effects);
      return 0;
    });
  }

  // What a waiter was told: the text, the error's code in <>, or "waits".
  std::string told(Waiter waiter) const {
    const auto found = answers.find(waiter);
    if (found == answers.end()) return "waits";
    if (!found->second) return "<" + std::string(parley::to_string(parley::kind(found->second.error().code))) + ">";
    return text_of(*found->second->message);
  }
  // What was put to participants since the last call of this: "1<hello", a repeated one with a star behind.
  std::vector<std::string> forwarded() {
    std::vector<std::string> all;
    for (const auto& each : forwards) {
      all.push_back(std::to_string(each.to) + "<" + text_of(*each.message) + (each.is_repeated ? "*" : ""));
    }
    forwards.clear();
    return all;
  }

  Instant now = at({});
  Conversation machine;
  std::vector<Conversation::Forward> forwards;
  std::map<Waiter, Result<Conversation::Received>> answers;
  std::vector<Waiter> answered;  // in their order
  std::vector<Conversation::Observed> observed;
  std::vector<Conversation::Ended> ended;
  std::vector<Phase> phases;
  std::vector<Conversation::Participant> stopped;
  int compensations = 0;
  int answers_twice = 0;

 private:
  void take(Conversation::Forward& forward) { forwards.push_back(forward); }
  void take(Conversation::Answer& answer) {
    answered.push_back(answer.waiter);
    if (!answers.emplace(answer.waiter, std::move(answer.result)).second) ++answers_twice;
  }
  void take(Conversation::Observed& seen) { observed.push_back(seen); }
  void take(Conversation::Moved& moved) { phases.push_back(moved.to); }
  void take(Conversation::Ended& end) { ended.push_back(end); }
  void take(Conversation::Stop& stop) { stopped.push_back(stop.who); }
  void take(Conversation::Compensate&) { ++compensations; }
};

// One that two take part in.
struct OfTwo : Bench {
  explicit OfTwo(Conversation::OnCrash on_crash = Conversation::OnCrash::fail) : Bench(on_crash) {
    machine.join(1, true).value();
    machine.join(2, true).value();
  }
};

}  // namespace parley::core::conversation_suite
