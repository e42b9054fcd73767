#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/outbox/outbox.h"
#include "core/outbox/outbox_receiver.h"

// An outbox, the other end of it and what is between them, as the model check drives them.
namespace parley::core {

using std::chrono::seconds;

// Writes down what an end may do from now on.
class OutboxProbe {
 public:
  OutboxProbe(std::string& out, Instant now) : out_(out), now_(now) {}

  void add(const Outbox& outbox) {
    for (const auto& [ticket, entry] : outbox.entries_) {
      all(ticket, entry.place, entry.stage, entry.is_cancelling, entry.may_have_run);
      all(since(entry.taken), since(entry.command.deadline));
    }
    all('q', outbox.last_ticket_, outbox.has_session_, outbox.is_welcome_, outbox.incarnation_.value_or(0));
    add(*outbox.sent_);
    all(outbox.unsaid_, outbox.is_flushing_);
    for (const Ticket ticket : outbox.cancels_) all('c', ticket);
    all('r', outbox.results_.last().value_or(0), outbox.results_.last().has_value());
    all(outbox.results_acknowledged_.value_or(0), outbox.results_acknowledged_.has_value(), outbox.owed_, outbox.room_);
    all(outbox.progress_.is_never() ? std::int64_t{1} : since(outbox.progress_));
    all(outbox.is_welcome_ ? std::int64_t{1} : since(outbox.outage_since_));
  }
  void add(const OutboxReceiver& receiver) {
    for (const auto& [ticket, entry] : receiver.entries_) {
      all(ticket, entry.stage, entry.result ? entry.result->kind : TicketResult::Kind::unknown);
    }
    for (const auto& [order, ticket] : receiver.waiting_) all(ticket);
    all('q', receiver.received_.last().value_or(0), receiver.received_.last().has_value(), receiver.is_attached_);
    all(receiver.received_acknowledged_.value_or(0), receiver.received_acknowledged_.has_value());
    add(receiver.results_);
    all(receiver.unsaid_, receiver.is_flushing_, receiver.is_welcomed_);
    for (const Ticket ticket : receiver.ended_) all('e', ticket);
  }
  void add(const TicketWindow& window) {
    for (std::uint32_t i = 0; i < window.size(); ++i) all(window.first() + i, window.ticket_at(window.first() + i));
  }
  template <class... T>
  void all(T... values) {
    (out_.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  }

 private:
  std::int64_t since(Instant at) const { return std::clamp<std::int64_t>((at - now_).count(), -1, 1ll << 50); }
  std::string& out_;
  Instant now_;
};

namespace outbox_model {

using Kind = TicketResult::Kind;
using Incarnation = Outbox::Incarnation;
using WhenFull = Outbox::WhenFull;

constexpr std::size_t tickets_max = 3;
constexpr std::size_t lives_max = 2;  // of each end

// What somebody sends, as the first, second and third.
struct Plan {
  const char* name;
  std::array<Incarnation, tickets_max> incarnation;
  std::array<WhenFull, tickets_max> when_full;
  std::array<const char*, tickets_max> key = {"", "", ""};
  bool begins_late = false;  // what is given out waits for whoever can run it
};

struct ToReceiver {
  std::variant<Outbox::Send, Outbox::Cancel, Outbox::Acknowledge> what;
};
struct ToOutbox {
  std::variant<OutboxWelcome, OutboxReceiver::Answer, OutboxReceiver::Acknowledge> what;
};

// What is between them: in each direction in order, until it is lost.
struct Wire {
  Outbox::Session session = 0;           // of the outbox
  OutboxReceiver::Session attached = 0;  // 0: it was not taken
  std::size_t outbox_life = 0;
  std::size_t receiver_life = 0;
  std::deque<ToReceiver> to_receiver = {};
  std::deque<ToOutbox> to_outbox = {};
  bool is_cut = false;  // nothing goes on it, and the outbox has not been told
};

struct Sent {
  std::size_t outbox_life;
  Ticket ticket;
  Incarnation incarnation;
  std::optional<std::uint64_t> meant_for;  // the life of the receiver that its outbox knew
  std::array<int, lives_max> applied = {};
  std::optional<Kind> result = {};
};

class System {
 public:
  explicit System(const Plan& plan) : plan_(plan) {
    begin_outbox();
    begin_receiver();
  }

  // --- events; false: it cannot happen now
  bool send() {
    if (sent_.size() == tickets_max) return false;
    const std::size_t index = sent_.size();
    auto frame = std::make_shared<const std::vector<std::uint8_t>>(1, static_cast<std::uint8_t>(index));
    Outbox::Effects effects;
    const auto ticket = outbox_->send({.frame = std::move(frame),
                                       .group = "",
                                       .key = plan_.key[index],
                                       .deadline = now_ + seconds(20),
                                       .incarnation = plan_.incarnation[index],
                                       .when_full = plan_.when_full[index]},
                                      now_, effects);
    sent_.push_back({outbox_life_, ticket ? *ticket : 0, plan_.incarnation[index], outbox_->incarnation()});
    if (!ticket) sent_.back().result = Kind::refused;
    carry_out(effects);
    return true;
  }
  bool connect() {
    Outbox::Effects effects;
    const Outbox::Session session = outbox_->connect(now_, effects);
    carry_out(effects);
    const auto hello = outbox_->hello();
    OutboxReceiver::Effects receiving;
    const auto attached = receiver_of_outbox().attach(hello, receiving);
    Wire wire{.session = session, .outbox_life = outbox_life_, .receiver_life = receiver_life_};
    if (!attached) {
      failure_ = "not attached: " + attached.error().note;
      return true;
    }
    life_of_effects_ = outbox_life_;
    wire.attached = attached->session;
    wire.to_outbox.push_back({attached->welcome});
    wires_.push_back(std::move(wire));
    carry_out(receiving);
    receiver_of_outbox().welcomed(attached->session);
    say_back_all();
    return true;
  }
  // The link is gone; its outbox is told later.
  bool cut(std::size_t index) {
    if (index >= wires_.size() || wires_[index].is_cut) return false;
    Wire& wire = wires_[index];
    wire.is_cut = true;
    wire.to_receiver.clear();
    wire.to_outbox.clear();
    if (wire.receiver_life == receiver_life_) receivers_.at(wire.outbox_life)->detach(wire.attached);
    return true;
  }
  bool clear(std::size_t index) {
    if (index >= wires_.size()) return false;
    cut(index);
    const Wire wire = std::move(wires_[index]);
    wires_.erase(wires_.begin() + static_cast<std::ptrdiff_t>(index));
    if (wire.outbox_life != outbox_life_) return true;
    Outbox::Effects effects;
    outbox_->disconnect(wire.session, now_, effects);
    carry_out(effects);
    return true;
  }
  bool hand_to_receiver(std::size_t index) {
    if (index >= wires_.size() || wires_[index].to_receiver.empty()) return false;
    Wire& wire = wires_[index];
    const ToReceiver item = std::move(wire.to_receiver.front());
    wire.to_receiver.pop_front();
    if (wire.receiver_life != receiver_life_) return true;
    OutboxReceiver& receiver = *receivers_.at(wire.outbox_life);
    OutboxReceiver::Effects effects;
    if (const auto* send = std::get_if<Outbox::Send>(&item.what)) {
      if (send->results) receiver.acknowledged(wire.attached, *send->results, now_, effects);
      OutboxReceiver::Item command{send->number, send->ticket, send->deadline, {}};
      if (send->frame) command.frame = *send->frame;
      receiver.take(wire.attached, std::move(command), now_, effects);
    } else if (const auto* cancel = std::get_if<Outbox::Cancel>(&item.what)) {
      receiver.cancel(wire.attached, cancel->ticket, now_, effects);
    } else {
      receiver.acknowledged(wire.attached, std::get<Outbox::Acknowledge>(item.what).results, now_, effects);
    }
    life_of_effects_ = wire.outbox_life;
    receiver.flush();
    carry_out(effects);
    return true;
  }
  bool hand_to_outbox(std::size_t index) {
    if (index >= wires_.size() || wires_[index].to_outbox.empty()) return false;
    Wire& wire = wires_[index];
    const ToOutbox item = std::move(wire.to_outbox.front());
    wire.to_outbox.pop_front();
    if (wire.outbox_life != outbox_life_) return true;
    const Outbox::Session session = wire.session;
    Outbox::Effects effects;
    if (const auto* welcome = std::get_if<OutboxWelcome>(&item.what)) {
      outbox_->welcome(session, *welcome, now_, effects);
    } else if (const auto* answer = std::get_if<OutboxReceiver::Answer>(&item.what)) {
      if (answer->received) outbox_->acknowledged(session, *answer->received, now_, effects);
      outbox_->finished(session, answer->number, answer->ticket, *answer->result, now_, effects);
    } else {
      outbox_->acknowledged(session, std::get<OutboxReceiver::Acknowledge>(item.what).received, now_, effects);
    }
    outbox_->flush();
    carry_out(effects);
    return true;
  }
  bool begin() {
    if (given_out_.empty()) return false;
    const GivenOut next = given_out_.front();
    given_out_.pop_front();
    begin(next);
    return true;
  }
  bool finish() {
    if (running_.empty()) return false;
    const auto [life, ticket] = running_.front();
    running_.pop_front();
    OutboxReceiver::Effects effects;
    receivers_.at(life)->finished(ticket, applied("{}"), now_, effects);
    life_of_effects_ = life;
    carry_out(effects);
    return true;
  }
  bool cancel(std::size_t index) {
    if (index >= sent_.size() || sent_[index].outbox_life != outbox_life_ || sent_[index].result) return false;
    Outbox::Effects effects;
    outbox_->cancel(sent_[index].ticket, effects);
    carry_out(effects);
    return true;
  }
  bool expire() {
    const Instant next = std::min(outbox_->next_deadline(), receiver_of_outbox().next_deadline());
    if (next.is_never()) return false;
    now_ = std::max(now_, next);
    Outbox::Effects effects;
    outbox_->on_time(now_, effects);
    carry_out(effects);
    OutboxReceiver::Effects receiving;
    receiver_of_outbox().on_time(now_, receiving);
    life_of_effects_ = outbox_life_;
    carry_out(receiving);
    return true;
  }
  // What it had sent may still arrive.
  bool crash_outbox() {
    if (outbox_life_ + 1 == lives_max) return false;
    ++outbox_life_;
    begin_outbox();
    receivers_[outbox_life_] = make_receiver(outbox_life_);
    return true;
  }
  bool crash_receiver() {
    if (receiver_life_ + 1 == lives_max) return false;
    begin_receiver();
    return true;
  }

  // --- what must hold
  void check() const {
    ASSERT_LE(outbox_->commands(), 2u);
    ASSERT_LE(outbox_->bytes(), 2u);
    for (const Sent& each : sent_) check(each);
  }
  // Time passes and nothing else happens: everybody gets his result.
  void check_end() {
    for (int i = 0; i < 20 && outbox_->size() != 0; ++i) {
      now_ = outbox_->next_deadline();
      Outbox::Effects effects;
      outbox_->on_time(now_, effects);
      carry_out(effects);
    }
    for (const Sent& each : sent_) {
      if (each.outbox_life == outbox_life_) ASSERT_TRUE(each.result.has_value()) << "no result of " << each.ticket;
    }
    check();
  }
  std::string fingerprint() const {
    std::string out;
    OutboxProbe probe(out, now_);
    probe.add(*outbox_);
    for (const auto& receiver : receivers_) {
      if (receiver) probe.add(*receiver);
      probe.all('|');
    }
    for (const Sent& each : sent_) {
      probe.all(each.outbox_life, each.ticket, each.meant_for.value_or(0), each.applied[0], each.applied[1]);
      probe.all(each.result ? static_cast<int>(*each.result) : -1);
    }
    for (const GivenOut& each : given_out_) probe.all(each.life, each.ticket);
    for (const auto& [life, ticket] : running_) probe.all(life, ticket);
    probe.all(outbox_life_, receiver_life_);
    for (const Wire& wire : wires_) add(wire, probe);
    return out;
  }
  std::string failure() const { return failure_; }

 private:
  struct GivenOut {
    std::size_t life;  // of the outbox that sent it
    Ticket ticket;
    std::size_t index;
  };
  static OutboxReceiverLimits receiver_limits() { return {.commands_max = 2, .at_once = 1, .results_max = 8}; }
  std::uint64_t incarnation(std::size_t outbox_life) const { return 1 + receiver_life_ * lives_max + outbox_life; }
  std::unique_ptr<OutboxReceiver> make_receiver(std::size_t outbox_life) const {
    return std::make_unique<OutboxReceiver>(incarnation(outbox_life), receiver_limits());
  }
  OutboxReceiver& receiver_of_outbox() { return *receivers_.at(outbox_life_); }

  void begin_outbox() {
    outbox_ = std::make_unique<Outbox>(OutboxLimits{.commands_max = 2, .bytes_max = 2, .waiting_max = 1}, now_);
  }
  void begin_receiver() {
    receiver_life_ = is_begun_ ? receiver_life_ + 1 : 0;
    is_begun_ = true;
    running_.clear();
    given_out_.clear();
    for (auto& receiver : receivers_) receiver.reset();
    for (std::size_t life = 0; life <= outbox_life_; ++life) {
      receivers_[life] = make_receiver(life);
    }
    for (Wire& wire : wires_) wire.to_receiver.clear();
  }
  void carry_out(const Outbox::Effects& effects) {
    take(effects);
    for (;;) {
      Outbox::Effects more;
      const auto said = outbox_->next(now_, more);
      take(more);
      if (!said) return;
      std::visit([this](const auto& item) { say(item.session, {item}); }, *said);
    }
  }
  void take(const Outbox::Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* finished = std::get_if<Outbox::Finished>(&effect)) end(finished->ticket, finished->result.kind);
    }
  }
  void say(Outbox::Session session, ToReceiver item) {
    for (Wire& wire : wires_) {
      if (wire.outbox_life == outbox_life_ && wire.session == session && !wire.is_cut) {
        wire.to_receiver.push_back(std::move(item));
        return;
      }
    }
  }
  void carry_out(OutboxReceiver::Effects& effects) {
    for (auto& effect : effects) {
      if (auto* start = std::get_if<OutboxReceiver::Start>(&effect)) {
        given_out_.push_back({life_of_effects_, start->ticket, start->frame.at(0)});
        if (!plan_.begins_late) begin();
      } else if (auto* stop = std::get_if<OutboxReceiver::Stop>(&effect)) {
        end_unbegun(stop->ticket);
      } else if (auto* close = std::get_if<OutboxReceiver::Close>(&effect)) {
        if (close->why.code == Code::unexpected) failure_ = "a session broke: " + close->why.note;
      }
    }
    say_back_all();
  }
  void begin(const GivenOut& next) {
    receivers_.at(next.life)->begun(next.ticket);
    apply(next.index);
    running_.emplace_back(next.life, next.ticket);
  }
  void end_unbegun(Ticket ticket) {
    if (std::erase_if(given_out_, [&](const GivenOut& each) {
          return each.life == life_of_effects_ && each.ticket == ticket;
        }) != 1) {
      failure_ = "stopped, and not given out";
      return;
    }
    OutboxReceiver::Effects effects;
    receivers_.at(life_of_effects_)->finished(ticket, cancelled("before it was started"), now_, effects);
    carry_out(effects);
  }
  void say_back_all() {
    while (auto said = receivers_.at(life_of_effects_)->next()) {
      std::visit([this](const auto& item) { say_back(item.session, {item}); }, *said);
    }
  }
  void say_back(OutboxReceiver::Session session, ToOutbox item) {
    for (Wire& wire : wires_) {
      if (wire.outbox_life == life_of_effects_ && wire.receiver_life == receiver_life_ && wire.attached == session &&
          !wire.is_cut) {
        wire.to_outbox.push_back(std::move(item));
        return;
      }
    }
  }
  void apply(std::size_t index) {
    Sent& each = sent_.at(index);
    ++each.applied.at(receiver_life_);
    if (each.result && *each.result != Kind::unknown) failure_ = "applied after its result";
    if (each.incarnation == Incarnation::same && each.meant_for && *each.meant_for != incarnation(each.outbox_life)) {
      failure_ = "applied in another life than the one it was meant for";
    }
  }
  void end(Ticket ticket, Kind kind) {
    for (Sent& each : sent_) {
      if (each.outbox_life != outbox_life_ || each.ticket != ticket) continue;
      if (each.result) failure_ = "a second result";
      each.result = kind;
      const bool was_applied = each.applied[0] + each.applied[1] > 0;
      if (kind == Kind::applied && !was_applied) failure_ = "said to be applied, and was not";
      if (kind != Kind::applied && kind != Kind::unknown && was_applied) failure_ = "applied, and said not to be";
    }
  }
  void check(const Sent& each) const {
    ASSERT_LE(each.applied[0], 1);
    ASSERT_LE(each.applied[1], 1);
    if (each.incarnation == Incarnation::same) ASSERT_LE(each.applied[0] + each.applied[1], 1);
  }
  static void add(const Wire& wire, OutboxProbe& probe) {
    probe.all('w', wire.outbox_life, wire.receiver_life, wire.is_cut);
    for (const auto& item : wire.to_receiver) {
      probe.all(item.what.index());
      if (const auto* send = std::get_if<Outbox::Send>(&item.what)) {
        probe.all(send->number, send->ticket, send->frame != nullptr, send->results.value_or(99));
      } else if (const auto* cancel = std::get_if<Outbox::Cancel>(&item.what)) {
        probe.all(cancel->ticket);
      } else {
        probe.all(std::get<Outbox::Acknowledge>(item.what).results);
      }
    }
    probe.all('|');
    for (const auto& item : wire.to_outbox) {
      probe.all(item.what.index());
      if (const auto* welcome = std::get_if<OutboxWelcome>(&item.what)) {
        probe.all(welcome->incarnation, welcome->received.value_or(99));
      } else if (const auto* answer = std::get_if<OutboxReceiver::Answer>(&item.what)) {
        probe.all(answer->number, answer->ticket, answer->received.value_or(99));
      } else {
        probe.all(std::get<OutboxReceiver::Acknowledge>(item.what).received);
      }
    }
  }

  const Plan& plan_;
  Instant now_;
  std::unique_ptr<Outbox> outbox_;
  std::size_t outbox_life_ = 0;
  std::array<std::unique_ptr<OutboxReceiver>, lives_max> receivers_;  // one for each life of the outbox
  std::size_t receiver_life_ = 0;
  bool is_begun_ = false;
  std::size_t life_of_effects_ = 0;
  std::vector<Wire> wires_;  // the newest is the last
  std::vector<Sent> sent_;
  std::deque<GivenOut> given_out_;
  std::deque<std::pair<std::size_t, Ticket>> running_;
  std::string failure_;
};

}  // namespace outbox_model
}  // namespace parley::core
