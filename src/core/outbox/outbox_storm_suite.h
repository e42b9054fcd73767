#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/prng.h"
#include "core/outbox/outbox.h"
#include "core/outbox/outbox_receiver.h"

// An outbox and the other end of it in a storm: anything in any order, with links that cut, lose, double and reorder,
// a peer that is started anew, and a clock that stands still or jumps.
namespace parley::core::outbox_storm {

using Kind = TicketResult::Kind;
using WhenFull = Outbox::WhenFull;
using Incarnation = Outbox::Incarnation;
using ToReceiver = std::variant<Outbox::Send, Outbox::Cancel, Outbox::Acknowledge>;
using ToOutbox = std::variant<OutboxWelcome, OutboxReceiver::Answer, OutboxReceiver::Acknowledge>;

constexpr OutboxLimits outbox_limits{.commands_max = 16,
                                     .bytes_max = 80,
                                     .group_commands_max = 5,
                                     .waiting_max = 4,
                                     .waiting_bytes_max = 30,
                                     .results_kept = 8};
constexpr OutboxReceiverLimits receiver_limits{
    .commands_max = 8, .at_once = 3, .results_max = 16, .results_bytes_max = 24};

// What is known of a ticket besides what its outbox says.
struct Sent {
  Incarnation incarnation;
  bool is_plain;  // goes in the order of its number
  std::string group;
  std::map<std::uint64_t, int> started = {};
  int cancels = 0;
  std::optional<Kind> result = {};
};

struct Wire {
  Outbox::Session session;
  OutboxReceiver::Session attached;
  std::uint64_t life;
  std::deque<ToReceiver> to_receiver = {};
  std::deque<ToOutbox> to_outbox = {};
  bool is_cut = false;
};

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : prng_(seed), outbox_(outbox_limits, now_) { begin_life(); }

  // One thing happens.
  void step() {
    switch (prng_.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3: send(); break;
      case 4: cancel(); break;
      case 5: purge(); break;
      case 6: connect(prng_.chance(300)); break;
      case 7: disconnect(); break;
      case 8: prng_.chance(100) ? begin_life() : finish(); break;
      case 9: fault(); break;
      case 10: pass(); break;
      case 11:
      case 12: finish(); break;
      case 13: on_time(); break;
      default: deliver();
    }
    check();
  }
  // Everything works again, until nobody has anything to say.
  void rest(bool closes) {
    if (closes) {
      Outbox::Effects effects;
      outbox_.close(now_ + std::chrono::hours(1), now_, effects);
      carry_out(effects);
    }
    for (int i = 0; i < 10'000 && outbox_.size() + receiver_->results() != 0; ++i) {
      if (i % 1000 == 0) connect(true);
      deliver();
      finish();
      if (i % 100 == 99) flush();
      if (i % 1000 == 999) on_time();
    }
    check();
    say_if(outbox_.size() == 0 && outbox_.commands() == 0 && outbox_.bytes() == 0, "the outbox is not empty");
    say_if(receiver_->waiting() + receiver_->running() == 0, "the receiver has something to do");
    for (const auto& [ticket, sent] : sent_) say_if(sent.result.has_value(), "a ticket without a result");
    say_if(drained_ == (closes ? 1 : 0), "drained, or not");
  }

  const std::string& failure() const { return failure_; }
  const Outbox& outbox() const { return outbox_; }
  std::uint64_t receiver_restarts() const { return life_; }
  std::uint64_t doubled() const { return duplicates_ + receiver_->counters().duplicates; }
  const std::array<std::uint64_t, 6>& results() const { return results_; }

 private:
  void say_if(bool is_well, const char* what) {
    if (!is_well && failure_.empty()) failure_ = what;
  }

  // --- what happens
  void send() {
    static constexpr const char* names[] = {"", "", "", "a", "b"};
    const std::size_t size = prng_.below(12);
    const std::string key = names[prng_.below(5)];
    const std::string group = names[prng_.below(5)];
    const auto when_full = static_cast<WhenFull>(prng_.below(4));
    const auto incarnation = prng_.chance(500) ? Incarnation::same : Incarnation::any;
    const Ticket next = last_ticket_ + 1;
    // It is known before its effects come.
    sent_.emplace(next, Sent{incarnation, key.empty() && group.empty() && when_full != WhenFull::wait, group});
    Outbox::Effects effects;
    const auto ticket = outbox_.send({.frame = std::make_shared<const std::vector<std::uint8_t>>(size),
                                      .group = group,
                                      .key = key,
                                      .deadline = now_ + std::chrono::milliseconds(prng_.below(20'000)),
                                      .incarnation = incarnation,
                                      .when_full = when_full},
                                     now_, effects);
    if (ticket) {
      say_if(*ticket == next, "a ticket is not the next number");
      last_ticket_ = *ticket;
    } else {
      sent_.erase(next);
    }
    carry_out(effects);
  }
  void cancel() {
    const Ticket ticket = last_ticket_ - std::min<Ticket>(last_ticket_, prng_.below(12));
    Outbox::Effects effects;
    outbox_.cancel(ticket, effects);
    carry_out(effects);
  }
  void purge() {
    Outbox::Effects effects;
    outbox_.purge(prng_.chance(500) ? "a" : "b", effects);
    carry_out(effects);
  }
  void connect(bool is_sure) {
    if (!is_sure && outbox_.is_connected()) return;
    Outbox::Effects effects;
    const Outbox::Session session = outbox_.connect(now_, effects);
    carry_out(effects);
    OutboxReceiver::Effects receiving;
    const auto attached = receiver_->attach(outbox_.hello(), receiving);
    carry_out(receiving);
    if (!attached) {
      say_if(false, "not taken up");
      return;
    }
    wires_.push_back({session, attached->session, life_});
    wires_.back().to_outbox.emplace_back(attached->welcome);
    receiver_->welcomed(attached->session);
    say_back();
  }
  // Of any session that there was: most are over.
  void disconnect() {
    if (prng_.chance(500)) {
      Outbox::Effects effects;
      outbox_.disconnect(
          outbox_.counters().sessions - std::min<std::uint64_t>(outbox_.counters().sessions, prng_.below(3)), now_,
          effects);
      carry_out(effects);
    } else if (!wires_.empty()) {
      const Wire& wire = wires_[prng_.below(wires_.size())];
      if (wire.life == life_) receiver_->detach(wire.attached);
    }
  }
  void fault() {
    if (wires_.empty()) return;
    Wire& wire = wires_[prng_.below(wires_.size())];
    const auto harm = [&](auto& items) {
      if (items.empty()) return;
      const std::size_t at = prng_.below(items.size());
      const auto where = items.begin() + static_cast<std::ptrdiff_t>(at);
      switch (prng_.below(4)) {
        case 0: items.erase(where); break;
        case 1: items.insert(where, items[at]); break;
        case 2: std::swap(items[at], items.back()); break;
        default: items.erase(where, items.end()); wire.is_cut = true;
      }
    };
    prng_.chance(500) ? harm(wire.to_receiver) : harm(wire.to_outbox);
  }
  void pass() {
    if (prng_.chance(10)) now_ = now_ + std::chrono::hours(prng_.below(10));
    now_ = now_ + std::chrono::milliseconds(prng_.below(2000));
  }
  void on_time() {
    Outbox::Effects effects;
    outbox_.on_time(now_, effects);
    carry_out(effects);
    OutboxReceiver::Effects receiving;
    receiver_->on_time(now_, receiving);
    carry_out(receiving);
    say_if(outbox_.next_deadline() > now_ && receiver_->next_deadline() > now_, "a timer that is due again at once");
  }
  void begin_life() {
    if (receiver_) {
      ++life_;
      duplicates_ += receiver_->counters().duplicates;
    }
    running_.clear();
    given_out_.clear();
    last_plain_ = 0;
    receiver_ = std::make_unique<OutboxReceiver>(life_, receiver_limits);
    for (Wire& wire : wires_) wire.is_cut = true;
  }
  // Whoever can run it is there.
  void begin_one() {
    if (given_out_.empty()) return;
    const auto [ticket, deadline] = given_out_.front();
    given_out_.pop_front();
    receiver_->begun(ticket);
    begin(ticket, std::max(deadline, now_ + std::chrono::nanoseconds(1)));
  }
  void finish() {
    if (prng_.chance(500)) begin_one();
    if (running_.empty()) return;
    const auto which = running_.begin() + static_cast<std::ptrdiff_t>(prng_.below(running_.size()));
    const Ticket ticket = *which;
    running_.erase(which);
    OutboxReceiver::Effects effects;
    receiver_->finished(ticket, applied(std::to_string(ticket)), now_, effects);
    carry_out(effects);
  }
  void deliver() {
    if (wires_.empty()) return;
    const std::size_t at = prng_.below(wires_.size());
    Wire& wire = wires_[at];
    const bool has_some = !wire.to_receiver.empty() || !wire.to_outbox.empty();
    const bool is_newest = at + 1 == wires_.size() && wire.session == outbox_.counters().sessions;
    if (!has_some && (wire.is_cut || !is_newest || outbox_.size() + receiver_->results() == 0)) {
      wires_.erase(wires_.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    if (wire.to_outbox.empty() || (!wire.to_receiver.empty() && prng_.chance(500))) {
      hand_to_receiver(wire);
    } else {
      hand_to_outbox(wire);
    }
  }

  void flush() {
    outbox_.flush();
    say();
    receiver_->flush();
    say_back();
  }

  // --- what is said
  void hand_to_receiver(Wire& wire) {
    if (wire.to_receiver.empty()) return;
    const ToReceiver item = std::move(wire.to_receiver.front());
    wire.to_receiver.pop_front();
    if (wire.life != life_) return;
    const OutboxReceiver::Session attached = wire.attached;
    OutboxReceiver::Effects effects;
    if (const auto* send = std::get_if<Outbox::Send>(&item)) {
      if (send->results) receiver_->acknowledged(attached, *send->results, now_, effects);
      OutboxReceiver::Item command{
          .number = send->number, .ticket = send->ticket, .deadline = send->deadline, .frame = {}};
      if (send->frame) command.frame = *send->frame;
      receiver_->take(attached, std::move(command), now_, effects);
    } else if (const auto* cancel = std::get_if<Outbox::Cancel>(&item)) {
      receiver_->cancel(attached, cancel->ticket, now_, effects);
    } else {
      receiver_->acknowledged(attached, std::get<Outbox::Acknowledge>(item).results, now_, effects);
    }
    if (prng_.chance(700)) receiver_->flush();
    carry_out(effects);
  }
  void hand_to_outbox(Wire& wire) {
    const ToOutbox item = std::move(wire.to_outbox.front());
    wire.to_outbox.pop_front();
    const Outbox::Session session = wire.session;
    Outbox::Effects effects;
    if (const auto* welcome = std::get_if<OutboxWelcome>(&item)) {
      outbox_.welcome(session, *welcome, now_, effects);
    } else if (const auto* answer = std::get_if<OutboxReceiver::Answer>(&item)) {
      if (answer->received) outbox_.acknowledged(session, *answer->received, now_, effects);
      outbox_.finished(session, answer->number, answer->ticket, *answer->result, now_, effects);
    } else {
      outbox_.acknowledged(session, std::get<OutboxReceiver::Acknowledge>(item).received, now_, effects);
    }
    if (prng_.chance(700)) outbox_.flush();
    carry_out(effects);
  }
  Wire* wire_of(Outbox::Session session) {
    const auto found = std::ranges::find(wires_, session, &Wire::session);
    return found == wires_.end() || found->is_cut ? nullptr : &*found;
  }
  Wire* wire_back(OutboxReceiver::Session attached) {
    const auto found =
        std::ranges::find_if(wires_, [&](const Wire& each) { return each.attached == attached && each.life == life_; });
    return found == wires_.end() || found->is_cut ? nullptr : &*found;
  }
  void carry_out(Outbox::Effects& effects) {
    take(effects);
    // Now and then nobody can say anything.
    if (prng_.chance(800)) say();
  }
  void take(const Outbox::Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* finished = std::get_if<Outbox::Finished>(&effect)) {
        end(finished->ticket, finished->result);
      } else if (const auto* close = std::get_if<Outbox::Close>(&effect)) {
        if (Wire* const wire = wire_of(close->session)) wire->is_cut = true;
      } else {
        ++drained_;
      }
    }
  }
  void say() {
    for (;;) {
      Outbox::Effects effects;
      const auto said = outbox_.next(now_, effects);
      take(effects);
      if (!said) return;
      std::visit(
          [this](const auto& item) {
            if (Wire* const wire = wire_of(item.session)) wire->to_receiver.emplace_back(item);
          },
          *said);
    }
  }
  void carry_out(const OutboxReceiver::Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* start = std::get_if<OutboxReceiver::Start>(&effect)) {
        say_if(start->deadline > now_, "given out after its deadline");
        given_out_.emplace_back(start->ticket, start->deadline);
        if (prng_.chance(700)) begin_one();
      } else if (const auto* stop = std::get_if<OutboxReceiver::Stop>(&effect)) {
        stop_one(stop->ticket);
      } else if (Wire* const wire = wire_back(std::get<OutboxReceiver::Close>(effect).session)) {
        wire->is_cut = true;
      }
    }
    if (prng_.chance(800)) say_back();
  }
  void stop_one(Ticket ticket) {
    const auto found = std::ranges::find(given_out_, ticket, &std::pair<Ticket, Instant>::first);
    if (found == given_out_.end()) return say_if(false, "stopped, and not given out");
    given_out_.erase(found);
    OutboxReceiver::Effects effects;
    receiver_->finished(ticket, cancelled("before it was started"), now_, effects);
    carry_out(effects);
  }
  void say_back() {
    while (const auto said = receiver_->next()) {
      std::visit(
          [this](const auto& item) {
            if (Wire* const wire = wire_back(item.session)) wire->to_outbox.emplace_back(item);
          },
          *said);
    }
  }

  // --- what must hold
  void begin(Ticket ticket, Instant deadline) {
    running_.push_back(ticket);
    const auto found = sent_.find(ticket);
    if (found == sent_.end()) return say_if(false, "started, and never sent");
    Sent& sent = found->second;
    say_if(deadline > now_, "started after its deadline");
    say_if(++sent.started[life_] == 1, "started twice in one life");
    say_if(sent.incarnation == Incarnation::any || sent.started.size() == 1, "started in two lives");
    say_if(!sent.result || *sent.result == Kind::unknown, "started after its result");
    if (!sent.is_plain) return;
    say_if(ticket > last_plain_, "started before an older one");
    last_plain_ = ticket;
  }
  void end(Ticket ticket, const TicketResult& result) {
    const auto found = sent_.find(ticket);
    if (found == sent_.end()) return say_if(false, "a result of nothing");
    Sent& sent = found->second;
    say_if(!sent.result, "a second result");
    sent.result = result.kind;
    ++results_.at(static_cast<std::size_t>(result.kind));
    const bool was_started = !sent.started.empty();
    if (result.kind == Kind::applied) {
      say_if(was_started && result.value == std::to_string(ticket), "applied, with the value of another one or none");
    } else if (result.kind != Kind::unknown) {
      say_if(!was_started, "started, and said not to be");
    }
  }
  void check() {
    say_if(outbox_.commands() <= outbox_limits.commands_max && outbox_.bytes() <= outbox_limits.bytes_max, "a bound");
    say_if(outbox_.waiting() <= outbox_limits.waiting_max, "a bound of those that wait");
    for (const char* const group : {"a", "b"}) {
      const auto has_room = [&](const auto& each) {
        return each.second.group == group && !each.second.result &&
               outbox_.state(each.first)->stage != Outbox::Stage::waiting;
      };
      say_if(std::ranges::count_if(sent_, has_room) <= static_cast<std::ptrdiff_t>(outbox_limits.group_commands_max),
             "a quota");
    }
    say_if(outbox_.size() == outbox_.commands() + outbox_.waiting(), "a command that is nowhere");
    say_if(receiver_->waiting() + receiver_->running() <= receiver_limits.commands_max, "a bound of the receiver");
    say_if(receiver_->running() == running_.size(), "what runs");
    say_if(running_.size() + given_out_.size() <= receiver_limits.at_once, "at once");
    say_if(receiver_->results() <= receiver_limits.results_max, "a bound of results");
  }

  Prng prng_;
  Instant now_ = Instant::from_ns(1'000'000'000);
  Outbox outbox_;
  std::unique_ptr<OutboxReceiver> receiver_;
  std::uint64_t life_ = 0;
  std::deque<Wire> wires_;  // the newest is the last
  std::map<Ticket, Sent> sent_;
  Ticket last_ticket_ = 0;
  Ticket last_plain_ = 0;                             // started in this life
  std::deque<std::pair<Ticket, Instant>> given_out_;  // and their deadlines
  std::vector<Ticket> running_;
  std::array<std::uint64_t, 6> results_ = {};
  std::uint64_t duplicates_ = 0;
  int drained_ = 0;
  std::string failure_;
};

}  // namespace parley::core::outbox_storm
