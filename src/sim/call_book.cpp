#include "sim/call_book.h"

#include <fmt/format.h>

namespace parley::sim {

namespace {

// Errors that promise that no handler has seen the call.
bool says_not_done(Code code) {
  switch (code) {
    case Code::method:
    case Code::arguments:
    case Code::closed:
    case Code::invalid: return true;
    default: return kind(code) == Kind::lost || kind(code) == Kind::overloaded;
  }
}

}  // namespace

void CallBook::fail(std::string_view checker, std::uint64_t ticket, std::string_view what) {
  const Record& call = calls_[ticket];
  const auto code = static_cast<unsigned>(call.ending.code);
  std::string text = fmt::format("call {} ({}): {}", ticket, call.start.method, what);
  if (call.state == State::ended && call.ending.what == Ending::What::error) text += fmt::format("; error {}", code);
  verdicts_.fail(checker, std::move(text));
}

std::uint64_t CallBook::start(const Start& start) {
  const std::uint64_t ticket = next_ticket_++;
  calls_[ticket].start = start;
  ++open_count_;
  trace_.note("call.start", {ticket}, start.method);
  return ticket;
}

void CallBook::end(std::uint64_t ticket, const Ending& ending, Instant now) {
  Record& call = calls_[ticket];
  trace_.note("call.end", {ticket, static_cast<std::uint64_t>(ending.what), static_cast<std::uint64_t>(ending.code)});
  if (call.state != State::open) return fail("calls.end_once", ticket, "it ended again");
  call.state = State::ended;
  call.ending = ending;
  --open_count_;
  check_ending(ticket, call, now);
  cover_ending(call, now);
}

void CallBook::drop(std::uint64_t ticket, Drop how) {
  Record& call = calls_[ticket];
  trace_.note("call.drop", {ticket});
  if (call.state != State::open) return fail("calls.end_once", ticket, "it was dropped after its end");
  call.state = State::dropped;
  --open_count_;
  if (how == Drop::with_task) coverage_.hit(Spot::call_task_killed);
  cancels_due_.push_back(ticket);
}

void CallBook::on_response_read(std::uint64_t ticket) {
  Record& call = calls_[ticket];
  call.is_response_read = true;
  if (call.is_cancel_written || call.state == State::dropped) coverage_.hit(Spot::call_late_response);
}

void CallBook::on_cancel_written(std::uint64_t ticket) {
  Record& call = calls_[ticket];
  call.is_cancel_written = true;
  coverage_.hit(Spot::call_cancel_sent);
}

void CallBook::on_cancel_read(std::uint64_t ticket) {
  Record& call = calls_[ticket];
  call.is_cancel_read = true;
  if (!call.is_handler_alive) return coverage_.hit(Spot::call_cancel_late);
  coverage_.hit(Spot::call_cancel_stopped);
  stops_due_.push_back(ticket);
}

void CallBook::on_handler_started(std::uint64_t ticket) {
  Record& call = calls_[ticket];
  trace_.note("handler.start", {ticket});
  call.is_handler_alive = true;
  ++handlers_alive_;
  if (++call.executions > 1) fail("calls.executed_once", ticket, "a second handler was started for it");
}

void CallBook::on_handler_ended(std::uint64_t ticket, bool has_finished, bool is_session_over, Instant now) {
  Record& call = calls_[ticket];
  trace_.note("handler.end", {ticket, has_finished});
  call.is_handler_alive = false;
  --handlers_alive_;
  if (has_finished || is_session_over || call.is_cancel_read) return;
  if (call.start.deadline && now >= *call.start.deadline) return coverage_.hit(Spot::call_deadline_there);
  fail("calls.handler_kept", ticket, "its handler was destroyed for no reason");
}

bool CallBook::is_cancel_settled(std::uint64_t ticket) {
  const Record& call = calls_[ticket];
  const Way::State way = call.start.way ? call.start.way->state() : Way::State::gone;
  if (call.is_cancel_written || call.is_response_read || way == Way::State::gone) return true;
  if (way == Way::State::blocked) return false;
  if (!call.is_written) {
    coverage_.hit(Spot::call_dropped_in_line);
    return true;
  }
  fail("calls.cancel_leaves", ticket, "it was dropped, its link takes bytes, and no Cancel was sent");
  return true;
}

void CallBook::check_moment() {
  for (const std::uint64_t ticket : stops_due_) {
    if (!calls_[ticket].is_handler_alive) continue;
    fail("calls.cancel_stops", ticket, "its Cancel has arrived and its handler is still there");
  }
  stops_due_.clear();
  std::erase_if(cancels_due_, [this](std::uint64_t ticket) { return is_cancel_settled(ticket); });
}

void CallBook::check_ending(std::uint64_t ticket, const Record& call, Instant now) {
  if (call.start.deadline && now > *call.start.deadline) {
    fail("calls.deadline_kept", ticket, fmt::format("it ended {} ns too late", (now - *call.start.deadline).count()));
  }
  if (call.ending.what == Ending::What::error) return check_error(ticket, call);
  if (!call.ending.is_right) fail("calls.right_value", ticket, "its value is not the one for its arguments");
  if (call.executions == 0) fail("calls.right_value", ticket, "it has a value and no handler ran");
  if (call.start.expected) fail("calls.right_value", ticket, "it has a value and its handler gave none");
}

void CallBook::check_error(std::uint64_t ticket, const Record& call) {
  const Code code = call.ending.code;
  if (call.start.expected == code) {
    if (call.executions == 0) fail("calls.right_value", ticket, "it has a handler's error and no handler ran");
    return;
  }
  if (says_not_done(code)) {
    if (call.executions != 0) fail("calls.lost_means_not_done", ticket, "it was said not to be done; its handler ran");
    return;
  }
  switch (kind(code)) {
    case Kind::unknown:
      if (!call.is_written && !(call.start.way && call.start.way->may_still_leave())) {
        fail("calls.unknown_means_sent", ticket, "it was said to be sent; it never was");
      }
      return;
    case Kind::timed_out:
      if (!call.start.deadline) fail("calls.right_value", ticket, "it timed out and had no deadline");
      return;
    case Kind::protocol:
      if (!call.start.way || !call.start.way->may_breach()) {
        fail("calls.right_value", ticket, "a breach of the rules that nobody committed");
      }
      return;
    case Kind::cancelled:
      // All that a foreign peer can say of its errors.
      if (call.start.way && call.start.way->is_foreign()) return;
      break;
    default: break;
  }
  if (code == Code::too_large) return;
  fail("calls.right_value", ticket, "an error that nothing led to");
}

void CallBook::cover_ending(const Record& call, Instant now) {
  switch (call.ending.what) {
    case Ending::What::value: return coverage_.hit(Spot::call_delivered);
    case Ending::What::own_error: return coverage_.hit(Spot::call_own_error);
    case Ending::What::error: return cover_error(call, now);
  }
}

void CallBook::cover_error(const Record& call, Instant now) {
  switch (call.ending.code) {
    case Code::handler_threw: return coverage_.hit(Spot::call_threw);
    case Code::method: return coverage_.hit(Spot::call_unknown_method);
    case Code::closed: return coverage_.hit(Spot::call_closed);
    case Code::outbound_full: return coverage_.hit(Spot::call_outbound_full);
    case Code::too_large:
      return coverage_.hit(call.executions == 0 ? Spot::call_too_large : Spot::call_result_too_large);
    case Code::deadline:
      coverage_.hit(Spot::call_deadline_here);
      if (call.start.way && call.start.way->is_silent()) coverage_.hit(Spot::call_half_dead);
      return;
    case Code::too_many_calls:
      // The peer's answer, the deadline in line, or the line's bound.
      if (call.is_response_read) return coverage_.hit(Spot::call_overloaded_there);
      return coverage_.hit(call.start.deadline == now ? Spot::call_deadline_in_line : Spot::call_line_full);
    default: break;
  }
  if (call.start.expected == call.ending.code) return coverage_.hit(Spot::call_refused_by_handler);
  if (kind(call.ending.code) == Kind::lost) return coverage_.hit(Spot::call_lost);
  if (kind(call.ending.code) == Kind::unknown) return coverage_.hit(Spot::call_unknown);
  if (kind(call.ending.code) == Kind::protocol) return coverage_.hit(Spot::call_breach);
}

void CallBook::check_end() {
  for (const auto& [ticket, call] : calls_) {
    if (call.state == State::open) fail("calls.end_once", ticket, "it never ended");
    const bool is_error = call.state == State::ended && call.ending.what == Ending::What::error;
    if (is_error && call.executions != 0 && call.start.expected != call.ending.code &&
        says_not_done(call.ending.code)) {
      fail("calls.lost_means_not_done", ticket, "it was said not to be done; its handler ran");
    }
  }
}

}  // namespace parley::sim
