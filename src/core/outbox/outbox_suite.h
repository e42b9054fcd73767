#pragma once

#include <algorithm>
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

#include "core/outbox/outbox.h"

// An outbox whose effects are kept by what they are, and a peer that says what the test says.
namespace parley::core::outbox_suite {

using Kind = TicketResult::Kind;
using WhenFull = Outbox::WhenFull;
using Incarnation = Outbox::Incarnation;
using Stage = Outbox::Stage;

struct Said {
  std::string text;
  std::string group = {};
  std::string key = {};
  WhenFull when_full = WhenFull::reject;
  Incarnation incarnation = Incarnation::same;
  Duration deadline = std::chrono::minutes(1);
};

class Bench {
 public:
  explicit Bench(OutboxLimits limits = {}) : machine(limits, now) {}

  Result<Ticket> send(Said said) {
    Outbox::Effects effects;
    Outbox::Command command{
        .frame = std::make_shared<const std::vector<std::uint8_t>>(said.text.begin(), said.text.end()),
        .group = std::move(said.group),
        .key = std::move(said.key),
        .deadline = now + said.deadline,
        .incarnation = said.incarnation,
        .when_full = said.when_full};
    auto ticket = machine.send(std::move(command), now, effects);
    keep(effects);
    return ticket;
  }
  Result<Ticket> send(std::string text) { return send(Said{.text = std::move(text)}); }
  Ticket sent(std::string text) { return send(std::move(text)).value(); }

  Outbox::Session connect() {
    Outbox::Effects effects;
    const Outbox::Session session = machine.connect(now, effects);
    keep(effects);
    return session;
  }
  void welcome(Outbox::Session session, std::uint64_t incarnation = 1, std::optional<std::uint32_t> received = {},
               std::uint32_t room = 1024) {
    Outbox::Effects effects;
    machine.welcome(session, {.incarnation = incarnation, .received = received, .room = room}, now, effects);
    keep(effects);
  }
  Outbox::Session connected(std::uint64_t incarnation = 1, std::optional<std::uint32_t> received = {},
                            std::uint32_t room = 1024) {
    const Outbox::Session session = connect();
    welcome(session, incarnation, received, room);
    return session;
  }
  void disconnect(Outbox::Session session) {
    Outbox::Effects effects;
    machine.disconnect(session, now, effects);
    keep(effects);
  }
  void acknowledge(Outbox::Session session, std::uint32_t last) {
    Outbox::Effects effects;
    machine.acknowledged(session, last, now, effects);
    keep(effects);
  }
  void finish(Outbox::Session session, std::uint32_t number, Ticket ticket, TicketResult result = applied("1")) {
    Outbox::Effects effects;
    machine.finished(session, number, ticket, std::move(result), now, effects);
    keep(effects);
  }
  Outbox::Cancelled cancel(Ticket ticket) {
    Outbox::Effects effects;
    const auto cancelled = machine.cancel(ticket, effects);
    keep(effects);
    return cancelled;
  }
  std::size_t purge(std::string_view group) {
    Outbox::Effects effects;
    const std::size_t count = machine.purge(group, effects);
    keep(effects);
    return count;
  }
  void close(Duration within) {
    Outbox::Effects effects;
    machine.close(now + within, now, effects);
    keep(effects);
  }
  void flush() {
    Outbox::Effects effects;
    machine.flush();
    keep(effects);
  }
  // Every timer on the way fires at its time.
  void pass(Duration duration) {
    const Instant end = now + duration;
    while (machine.next_deadline() <= end) {
      now = std::max(now, machine.next_deadline());
      on_time();
    }
    now = end;
  }
  void on_time() {
    Outbox::Effects effects;
    machine.on_time(now, effects);
    keep(effects);
  }

  // What was sent since the last call: its texts; "-" where there was no command.
  std::vector<std::string> taken() {
    std::vector<std::string> texts;
    for (const auto& each : std::exchange(sends, {})) {
      texts.push_back(each.frame ? std::string(each.frame->begin(), each.frame->end()) : "-");
    }
    return texts;
  }
  std::optional<Kind> kind_of(Ticket ticket) const {
    const auto found = results.find(ticket);
    return found == results.end() ? std::nullopt : std::optional(found->second.kind);
  }
  std::string note_of(Ticket ticket) const { return results.at(ticket).error.note; }

  bool is_blocked = false;
  Instant now = Instant::from_ns(1'000'000'000);
  Outbox machine;
  std::vector<Outbox::Send> sends;
  std::vector<Outbox::Cancel> cancels;
  std::vector<Outbox::Acknowledge> acknowledged;
  std::vector<Outbox::Close> closes;
  std::vector<Ticket> ended;  // in their order
  std::map<Ticket, TicketResult> results;
  std::size_t repeated_results = 0;
  std::size_t drained = 0;

 private:
  // And says what there is to say, unless nobody can say anything.
  void keep(Outbox::Effects& effects) {
    take(effects);
    while (!is_blocked) {
      Outbox::Effects more;
      const auto said = machine.next(now, more);
      take(more);
      if (!said) return;
      if (const auto* send = std::get_if<Outbox::Send>(&*said)) {
        sends.push_back(*send);
      } else if (const auto* cancel = std::get_if<Outbox::Cancel>(&*said)) {
        cancels.push_back(*cancel);
      } else {
        acknowledged.push_back(std::get<Outbox::Acknowledge>(*said));
      }
    }
  }
  void take(Outbox::Effects& effects) {
    for (auto& effect : effects) {
      if (auto* close = std::get_if<Outbox::Close>(&effect)) {
        closes.push_back(*close);
      } else if (auto* finished = std::get_if<Outbox::Finished>(&effect)) {
        ended.push_back(finished->ticket);
        if (!results.emplace(finished->ticket, finished->result).second) ++repeated_results;
      } else {
        ++drained;
      }
    }
  }
};

}  // namespace parley::core::outbox_suite
