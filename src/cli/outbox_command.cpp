#include "cli/outbox_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/address.h"
#include "cli/feed.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "codec/enums.h"
#include "codec/json.h"
#include "codec/json_text.h"
#include "core/directory/name.h"
#include "face/loop.h"
#include "face/outbox.h"
#include "os/termination.h"
#include "runtime/backoff.h"
#include "runtime/commands/session_carrier.h"
#include "runtime/outbox/results.h"

namespace parley::cli {

namespace {

using builtin::OutboxEntry;
using builtin::OutboxTicket;

constexpr Duration send_deadline = std::chrono::seconds(30);
constexpr Duration cancel_max = std::chrono::seconds(1);

std::string in_seconds(Duration time) { return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count()); }

int give_up_on_outbox(const Error& error) {
  if (error.code == Code::method) return give_up({Code::unsupported, "this hub has no outboxes"});
  return give_up(error);
}

// --- what there is

int show(const Common& common, const std::vector<OutboxEntry>& all) {
  if (common.json) {
    say(codec::to_json(all));
    return code(Exit::ok);
  }
  if (all.empty()) {
    say("no outbox sends to the hub, and none of its own is shown");
    return code(Exit::ok);
  }
  std::vector<std::vector<std::string>> rows = {{"OUTBOX", "NAME", "OF", "SESSION", "WAITING", "QUEUED", "IN FLIGHT",
                                                 "OLDEST", "APPLIED", "FAILED", "EXPIRED", "CANCELLED", "REFUSED",
                                                 "UNKNOWN"}};
  const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
  for (const OutboxEntry& each : all) {
    const bool is_sender = each.end == OutboxEntry::End::sender;
    rows.push_back({each.outbox, each.name.empty() ? "-" : each.name, is_sender ? "the hub" : each.principal,
                    each.is_connected ? "yes" : "away", number(each.waiting), is_sender ? number(each.queued) : "-",
                    number(each.in_flight), each.oldest ? in_seconds(*each.oldest) : "-", number(each.results.applied),
                    number(each.results.failed), number(each.results.expired), number(each.results.cancelled),
                    number(each.results.refused), number(each.results.unknown)});
  }
  say(table(rows));
  return code(Exit::ok);
}

int show(const Common& common, const std::string& ticket, const OutboxTicket& known) {
  if (common.json) {
    say(codec::to_json(known));
  } else if (known.stage == OutboxTicket::Stage::unknown) {
    say(fmt::format("{}: it never came here, or its sender has the result", ticket));
  } else if (known.result) {
    const std::string why = known.code == 0 ? "" : ": " + to_string(Error{static_cast<Code>(known.code), known.note});
    say(fmt::format("{}: {}{}", ticket, to_string(*known.result), why));
  } else {
    say(fmt::format("{}: {}", ticket, codec::enumerator_name(known.stage)));
  }
  return known.stage == OutboxTicket::Stage::unknown ? exit_of({Code::not_found, {}}) : code(Exit::ok);
}

// --- sending

Duration deadline_of(const SendCommand& command) {
  if (!command.deadline_s) return send_deadline;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*command.deadline_s));
}

class Sending {
 public:
  Sending(const Common& common, const SendCommand& command)
      : common_(common),
        command_(command),
        outbox_(loop_, {.name = "parley send", .limits = {.outage_max = deadline_of(command)}}),
        scope_(loop_.executor()) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { stop(); }); });
    loop_.run_until(send_all());
    return exit_.value_or(code(Exit::ok));
  }

 private:
  // What has not been started need not be; what runs goes on, and is not known.
  void stop() {
    end_input();
    for (const Ticket& each : tickets_) outbox_.cancel(each);
    scope_.spawn(outbox_.close(cancel_max));
  }
  void fail_with(int exit) {
    if (!exit_) exit_ = exit;
  }

  // Without the hub there is nothing to be done; with --wait, it may come later.
  Task<bool> dial() {
    auto options = options_toward_hub(common_);
    if (!options) {
      complain(fmt::format("the token: {}", to_string(options.error())), {}, &options.error());
      give_up_with(code(Exit::usage));
      co_return false;
    }
    auto dialed = co_await dial_hub(loop_, hub_address(common_.hub), *std::move(options));
    if (dialed) {
      session_ = *std::move(dialed);
      was_there_ = true;
      co_return true;
    }
    const Error& error = dialed.error().error;
    const bool may_pass = error.code == Code::address || kind(error) == Kind::timed_out || kind(error) == Kind::lost;
    if (was_there_ || (command_.wait && may_pass)) {
      if (!std::exchange(has_warned_, true)) warn(dialed.error().why, "it is tried again until the deadline");
      co_return true;
    }
    complain(dialed.error().why, dialed.error().hint, &error);
    give_up_with(code(dialed.error().exit));
    co_return false;
  }

  // The hub may come later, go, and come back: what was sent goes on over the next session.
  Task<void> stay_attached() {
    runtime::Backoff backoff;
    for (;;) {
      if (!session_ && !co_await dial()) break;
      if (session_) {
        const auto attached = co_await parley::attach(outbox_, *session_);
        if (!attached && attached.error().code == Code::unsupported) {
          complain({Code::unsupported, "this hub has no outboxes"});
          give_up_with(exit_of(attached.error()));
          break;
        }
        if (attached) backoff.reset();
        if (!attached) warn(to_string(attached.error()), "it is tried again");
        static_cast<void>(co_await session_->closed());
        session_.reset();
      }
      co_await Sleep(loop_.executor(), backoff.next(loop_.random()));
    }
    co_await outbox_.close({});
  }

  Task<void> send_all() {
    if (!command_.wait && (!co_await dial() || !co_await is_known())) co_return;
    scope_.spawn(stay_attached());
    scope_.spawn(read());
    for (;;) {
      while (!tickets_.empty()) co_await tell_first();
      if (is_input_over_) break;
      co_await change();
    }
    co_await outbox_.close({});
  }

  // Each line as it comes, and no more than the outbox takes at once.
  Task<void> read() {
    if (command_.request != "-") {
      send(command_.request, 0);
    } else if (auto feed = Feed::open(loop_, "-"); feed) {
      std::size_t number = 0;
      while (const auto line = co_await (*feed)->next()) {
        ++number;
        while (tickets_.size() >= core::OutboxLimits().commands_max && !is_input_over_) co_await change();
        if (is_input_over_) co_return;
        if (!line->empty()) send(*line, number);
      }
      if (!(*feed)->is_whole()) {
        const Error error{Code::not_found, "standard input cannot be read to its end"};
        complain(error);
        fail_with(exit_of(error));
      }
    }
    end_input();
  }
  // Of a line of the input its number; else 0.
  void send(const std::string& request, std::size_t number) {
    OutboxSendOptions options{.group = command_.group,
                              .key = command_.key,
                              .incarnation = command_.any ? Outbox::Incarnation::any : Outbox::Incarnation::same,
                              .when_full = Outbox::WhenFull::wait};
    options.deadline = deadline_of(command_);
    auto ticket = outbox_.send_json(command_.command, request, options);
    if (!ticket) return tell(ticket.error(), number);
    tickets_.push_back(*std::move(ticket));
    changed_.set();
  }
  void end_input() {
    is_input_over_ = true;
    changed_.set();
  }
  Task<void> change() {
    changed_.reset();
    co_await changed_.wait();
  }

  // A name that nobody has now may be a slip of the pen.
  Task<bool> is_known() {
    if (const auto name = core::check_name(command_.command); !name) {
      complain(name.error());
      fail_with(exit_of(name.error()));
      co_return false;
    }
    const auto all = co_await list_commands(session_->runtime(), {.deadline = patience});
    if (!all) {
      complain(all.error());
      fail_with(exit_of(all.error()));
      co_return false;
    }
    std::vector<std::string_view> names;
    for (const CommandDefinition& each : *all) names.push_back(each.id);
    if (std::ranges::find(names, command_.command) != names.end()) co_return true;
    const std::string_view near = codec::nearest_name(command_.command, names.data(), names.size());
    const Error error{Code::not_found, fmt::format("nobody has the command {}", command_.command)};
    fail_with(exit_of(error));
    complain(error, near.empty() ? "--wait sends it all the same, for whoever has it by the deadline"
                                 : fmt::format("did you mean {}? --wait sends it all the same", near));
    co_return false;
  }

  Task<void> tell_first() {
    const Ticket ticket = tickets_.front();
    const TicketResult result = co_await ticket.result();
    tickets_.pop_front();
    changed_.set();
    if (has_given_up_) co_return;  // and has said why
    const bool is_unknown = result.kind == TicketResult::Kind::unknown;
    if (result.kind != TicketResult::Kind::applied) {
      fail_with(is_unknown ? exit_of({Code::sent_then_lost, {}}) : exit_of(result.error));
    }
    if (common_.json) {
      std::string line =
          fmt::format(R"({{"ticket":"{}","result":"{}")", outbox_.text_of(ticket), to_string(result.kind));
      if (result.kind == TicketResult::Kind::applied) {
        line += ",\"value\":" + (result.value.empty() ? "null" : result.value);
      } else {
        line += fmt::format(R"(,"error":{{"kind":"{}","code":{},"note":{}}})", to_string(kind(result.error)),
                            static_cast<std::uint32_t>(result.error.code), codec::to_json(result.error.note));
      }
      say(line + "}");
    } else if (result.kind == TicketResult::Kind::applied) {
      say(result.value.empty() ? "null" : result.value);
    } else {
      // The kind of the error is often the word for the result.
      const std::string why = to_string(result.error);
      const std::string kind = fmt::format("{}: ", to_string(result.kind));
      complain(fmt::format("{}: {}{}", outbox_.text_of(ticket), why.starts_with(kind) ? "" : kind, why),
               is_unknown ? "it may have been applied: look before you send it again" : "");
    }
  }
  void tell(const Error& error, std::size_t line) {
    const std::string where = line == 0 ? "" : fmt::format("line {} of the input: ", line);
    complain(where + to_string(error), "it was not sent", &error);
    fail_with(exit_of(error));
  }
  // There is nobody to send to, which has been said.
  void give_up_with(int exit) {
    exit_ = exit;
    has_given_up_ = true;
    end_input();
  }

  const Common& common_;
  const SendCommand& command_;
  Loop loop_{{.tls = tls_of_environment()}};
  std::unique_ptr<Session> session_;  // null: there is none now
  bool was_there_ = false;
  bool has_warned_ = false;  // that it is not
  Outbox outbox_;
  std::deque<Ticket> tickets_;  // whose results are to be told
  bool is_input_over_ = false;
  Event changed_;
  bool has_given_up_ = false;
  std::optional<int> exit_;  // of the first that was not applied
  Scope scope_;
};

}  // namespace

int run_outbox(const Common& common, const OutboxCommand& command) {
  runtime::TicketName name;
  if (command.ticket) {
    const auto read = runtime::read_ticket(*command.ticket);
    if (!read) {
      complain(read.error(), "`parley send --json` tells them, as in 00c0ffee12345678-17");
      return code(Exit::usage);
    }
    name = *read;
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    const auto service = session.client<builtin::Outbox>(builtin::outbox_name).with({.deadline = patience});
    if (!command.ticket) {
      const auto all = loop.run_until([](auto outboxes) -> Task<Result<std::vector<OutboxEntry>>> {
        co_return co_await outboxes.template call<&builtin::Outbox::list>();
      }(service));
      return all ? show(common, *all) : give_up_on_outbox(all.error());
    }
    const auto known = loop.run_until([](auto outboxes, runtime::TicketName ticket) -> Task<Result<OutboxTicket>> {
      co_return co_await outboxes.template call<&builtin::Outbox::ticket>(ticket.outbox, ticket.number);
    }(service, name));
    return known ? show(common, *command.ticket, *known) : give_up_on_outbox(known.error());
  });
}

int run_send(const Common& common, const SendCommand& command) { return Sending(common, command).run(); }

}  // namespace parley::cli
