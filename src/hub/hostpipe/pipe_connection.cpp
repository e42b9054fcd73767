#include "hub/hostpipe/pipe_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>

#include "codec/json_text.h"
#include "core/directory/name.h"

namespace parley::hub {

namespace hostpipe = wire::hostpipe;
namespace command = wire::command;

namespace {

// So far ahead of the host events are put; others wait in the log.
constexpr std::size_t events_ahead_bytes = std::size_t{256} << 10;
// Answers that do not leave to who has not registered.
constexpr std::size_t unsent_of_newcomers_max = std::size_t{64} << 10;
// What it said and the registry has not taken; that takes it as it comes.
constexpr std::size_t unread_max = 65536;

std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

}  // namespace

PipeConnection::PipeConnection(PipeConnectionEvents& gate, PipeHub& hub, std::uint64_t number, Arrival arrival)
    : gate_(gate),
      hub_(hub),
      number_(number),
      seen_(std::move(arrival.seen)),
      until_(arrival.until),
      calls_(hub.options.commands_in_flight_max),
      lines_(hub.loop, std::move(arrival.stream), static_cast<runtime::PipeLinesEvents&>(*this),
             {.line_bytes_max = line_bytes_max(), .write_max = hub.options.write_max}) {}

void PipeConnection::start() {
  hub_.loop.executor().arm(late_, until_);
  lines_.start();
}

// --- the stream

void PipeConnection::on_line(std::string_view line) {
  if (state_ == State::leaving || state_ == State::over) return;
  if (carrier_ && carrier_->unread() > unread_max) return cut();
  const auto read = hostpipe::parse_of_host(line);
  if (!read) {
    ++hub_.counters.malformed;
    return refuse(Refusal::invalid_command, false, read.error().note);
  }
  request_id_ = read->request_id;
  std::visit([this](const auto& body) { take(body); }, read->body);
  request_id_.clear();
}

// Of who has not registered nobody knows yet who he is.
std::size_t PipeConnection::line_bytes_max() const {
  const std::size_t most = hub_.options.line_bytes_max;
  return is_host() ? most : std::min(most, Limits().opening_bytes_max);
}

void PipeConnection::on_long_line() {
  ++hub_.counters.lines_too_long;
  if (state_ == State::leaving || state_ == State::over) return;
  refuse(Refusal::invalid_command, false, fmt::format("a line is at most {} bytes long", line_bytes_max()));
}

void PipeConnection::put(std::string_view line) {
  if (state_ == State::newcomer || state_ == State::host) lines_.put(line);
}

void PipeConnection::on_moved() {
  pump();
  if (state_ == State::leaving && has_said_all_ && lines_.unsent() == 0) cut();
}

// Whoever says no more may still read his last answers.
void PipeConnection::on_pipe_end(std::optional<Error> why) {
  if (state_ == State::over) return;
  has_said_all_ = true;
  if (state_ == State::leaving && !why && lines_.unsent() != 0) return;
  if (why && state_ != State::leaving) ++hub_.counters.broken;
  cut();
}

void PipeConnection::on_late() {
  ++(state_ == State::newcomer ? hub_.counters.late : hub_.counters.cut_off);
  cut();
}

void PipeConnection::on_stuck() {
  ++hub_.counters.stuck;
  cut();
}

// --- what the host says

bool PipeConnection::has_registered(bool is_fatal) {
  if (is_host()) return true;
  ++hub_.counters.not_registered;
  refuse(Refusal::not_registered, is_fatal, "register comes first");
  return false;
}

bool PipeConnection::is_known(const hostpipe::Register& said) {
  // The handshake of TLS may have said more than was seen when it came.
  if (!lines_.peer().certificate.empty()) seen_ = Gate::seen(lines_.peer(), false);
  const auto secret = said.token.empty() ? std::nullopt : std::optional<std::string_view>(said.token);
  const Gate::Entry entered = hub_.gate.enter_by(secret, seen_);
  if (!entered.principal) {
    ++hub_.counters.refused;
    hub_.refuse(seen_, lines_.peer(), {}, {}, entered.refusal);
    refuse(Refusal::not_registered, true, entered.refusal.note);
    return false;
  }
  const auto& credentials = lines_.peer().credentials;
  if (credentials && credentials->pid != 0 && credentials->pid != said.pid) {
    ++hub_.counters.pids_wrong;
    const Error why{Code::permission, fmt::format("process {} says that it is process {}", credentials->pid, said.pid)};
    hub_.refuse(*entered.principal, lines_.peer(), {}, {}, why);
    refuse(Refusal::invalid_command, true, why.note);
    return false;
  }
  rights_ = std::make_shared<const core::Rights>(hub_.gate.policy(), *entered.principal);
  return true;
}

// There is one place: whoever may offer none of the commands that are waited for would only keep the host out of it.
bool PipeConnection::may_be_host() {
  const core::Principal& who = rights_->principal();
  std::optional<std::string> refused;
  for (const auto* const names : {&hub_.options.commands, &hub_.options.probes}) {
    for (const std::string& each : *names) {
      const std::string name = hub_.options.prefix + each;
      if (rights_->may(core::Verb::offer, name)) return true;
      if (!refused) refused = name;
    }
  }
  if (!refused) return true;
  ++hub_.counters.without_rights;
  const Error why{Code::permission, fmt::format("{} may offer no command of a host", to_string(who))};
  hub_.refuse(who, lines_.peer(), to_string(core::Verb::offer), *refused, why);
  refuse(Refusal::not_registered, true, why.note);
  return false;
}

void PipeConnection::take(const hostpipe::Register& said) {
  if (is_host()) {
    ++hub_.counters.registered_again;
    return refuse(Refusal::already_registered, false, "this connection has registered");
  }
  if (said.kind != "host") {
    ++hub_.counters.kinds_refused;
    return refuse(Refusal::invalid_command, true, fmt::format("hosts register here, and no \"{}\"", said.kind));
  }
  if (!is_known(said) || !may_be_host()) return;
  if (const PipeConnection* const other = gate_.on_registering(*this)) {
    ++hub_.counters.hosts_refused;
    return refuse(Refusal::already_registered, true,
                  other->pid() == said.pid ? fmt::format("process {} has registered on another connection", said.pid)
                                           : fmt::format("there is a host, process {}", other->pid()));
  }
  ++hub_.counters.registered;
  state_ = State::host;
  pid_ = said.pid;
  late_.disarm();
  lines_.widen(line_bytes_max());
  cursor_ = hub_.log.version();
  reply("registered", fmt::format(R"("kind":"host","pid":{},"generation":{})", pid_, ++hub_.generation));
  if (!is_host()) return;
  carrier_ = std::make_shared<HostCarrier>(fmt::format("host-{}", hub_.generation),
                                           static_cast<HostCarrierEvents&>(*this), hub_.loop.random().next());
  carrier_->say(command::Interest());  // events come from the log
  for (const auto* const names : {&hub_.options.commands, &hub_.options.probes}) {
    for (const std::string& each : *names) offer(each);
  }
  gate_.on_registered(*this, carrier_, rights_);
}

void PipeConnection::take(const hostpipe::Ping&) {
  if (has_registered(false)) reply("pong", {});
}

void PipeConnection::take(const hostpipe::Goodbye&) {
  if (!has_registered(true)) return;
  ++hub_.counters.goodbyes;
  leave();
}

void PipeConnection::take(const hostpipe::GetSnapshot&) {
  if (has_registered(false)) reply("snapshot", snapshot());
}

std::string PipeConnection::snapshot() const {
  std::string names;
  for (const std::string& each : offered_) names += (names.empty() ? "" : ",") + quoted(each);
  return fmt::format(R"("host":{{"pid":{},"generation":{}}},"commands":[{}])", pid_, hub_.generation, names);
}

// Whoever asks from beyond what there is has heard another life of this hub.
void PipeConnection::take(const hostpipe::GetEvents& said) {
  if (!has_registered(false)) return;
  const std::uint64_t version = hub_.log.version();
  const bool is_truncated = said.since > version || said.since + 1 < hub_.log.oldest();
  const std::uint64_t first = is_truncated ? hub_.log.oldest() : said.since + 1;
  std::string events;
  for (std::uint64_t each = first; each <= version; ++each) events += (each == first ? "" : ",") + line_of(each);
  reply("event_list", fmt::format(R"("events":[{}],"complete_from":{},"truncated":{})", events, first, is_truncated));
}

// A fact is known to all, but for the answer to a question of one.
void PipeConnection::take(const hostpipe::Report& said) {
  if (!has_registered(true)) return;
  if (!said.saga) return publish(said);
  if (const auto call = calls_.take({false, *said.saga})) {
    ++hub_.counters.answered;
    return carrier_->answer(*call, hostpipe::encode(hostpipe::HostLine{said}));
  }
  ++hub_.counters.reports_unasked;
  publish(said);
}

void PipeConnection::publish(const hostpipe::Report& said) {
  std::string name = hub_.options.prefix + said.name;
  if (const auto good = core::check_name(name); !good) {
    ++hub_.counters.malformed;
    return refuse(Refusal::invalid_command, false, good.error().note);
  }
  ++hub_.counters.reports;
  std::string members = said.rest;
  if (said.saga) members += fmt::format(R"({}"saga_id":{})", members.empty() ? "" : ",", *said.saga);
  carrier_->say(command::Event{std::move(name), hostpipe::object_of(members)});
}

void PipeConnection::take(const hostpipe::ActionFailed& said) {
  if (!has_registered(true)) return;
  const auto call = calls_.take({false, said.saga});
  if (!call) {
    ++hub_.counters.answers_unasked;
    return;
  }
  ++hub_.counters.failed;
  carrier_->answer(*call, fail(Code::failed, said.reason.empty() ? "the host gives no reason" : said.reason));
}

void PipeConnection::take(const hostpipe::Alive& said) {
  if (!has_registered(false)) return;
  const auto call = calls_.take({true, said.nonce});
  if (!call) {
    ++hub_.counters.answers_unasked;
    return;
  }
  ++hub_.counters.answered;
  carrier_->answer(*call, hostpipe::encode(hostpipe::HostLine{said}));
}

void PipeConnection::take(const hostpipe::Other& said) {
  if (!has_registered(false)) return;
  ++hub_.counters.misrouted;
  const bool is_ours = std::ranges::find(hub_.options.commands, said.name) != hub_.options.commands.end() ||
                       std::ranges::find(hub_.options.probes, said.name) != hub_.options.probes.end();
  refuse(Refusal::invalid_command, false,
         said.name + (is_ours ? " goes from the launcher to its host" : " is no command of a host"));
}

// --- what goes to the host

void PipeConnection::refuse(Refusal what, bool is_fatal, std::string_view why) {
  constexpr std::string_view codes[] = {"invalid_command", "not_registered", "already_registered"};
  reply("error", fmt::format(R"("code":"{}","message":{},"fatal":{})", codes[static_cast<std::size_t>(what)],
                             quoted(why), is_fatal));
  if (is_fatal) leave();
}

void PipeConnection::reply(std::string_view event, std::string members) {
  const std::size_t most = 2 * hub_.options.unsent_bytes_max;
  if (lines_.unsent() > (is_host() ? most : std::min(most, unsent_of_newcomers_max))) {
    ++hub_.counters.answers_unread;
    return cut();
  }
  if (!request_id_.empty()) members += fmt::format(R"({}"request_id":{})", members.empty() ? "" : ",", request_id_);
  put(hostpipe::encode(hostpipe::Event{std::string(event), hub_.log.version(), std::move(members)}));
}

// What the host may not hear, or would not read, has its version all the same: nothing seems to be missing.
std::string PipeConnection::line_of(std::uint64_t version) {
  const EventLog::Kept& kept = hub_.log.at(version);
  const std::string_view why = !rights_->may(core::Verb::subscribe, kept.name)  ? "permission"
                               : kept.line.empty()                              ? "unsayable"
                               : kept.line.size() > hub_.options.line_bytes_max ? "too_large"
                                                                                : "";
  if (why.empty()) return kept.line;
  ++hub_.counters.events_withheld;
  return hostpipe::encode(hostpipe::Event{"withheld", version, fmt::format(R"("reason":"{}")", why)});
}

void PipeConnection::pump() { pump_until(events_ahead_bytes); }

void PipeConnection::pump_until(std::size_t unsent_bytes) {
  while (is_host() && lags() && lines_.unsent() < unsent_bytes) {
    if (cursor_ + 1 < hub_.log.oldest()) {
      ++hub_.counters.resyncs;
      cursor_ = hub_.log.version();
      put(hostpipe::encode(hostpipe::Event{"snapshot", cursor_, snapshot() + R"(,"resync":true)"}));
    } else {
      ++hub_.counters.events;
      put(line_of(++cursor_));
    }
  }
}

// --- commands

void PipeConnection::offer(const std::string& name) {
  command::Definition definition;
  definition.id = hub_.options.prefix + name;
  definition.description = fmt::format("What the host at the pipe calls {}", name);
  offering_.emplace(carrier_->say(command::RegisterRequest{std::move(definition)}), name);
}

void PipeConnection::on_offered(const std::string& request, bool is_taken) {
  const auto offered = offering_.extract(request);
  if (offered.empty()) return;
  if (is_taken) {
    offered_.insert(std::move(offered.mapped()));
  } else {
    ++hub_.counters.names_refused;
  }
}

// A command comes behind the events that were there before it, all of which may be of this turn.
Result<void> PipeConnection::check_room(std::size_t line_bytes) {
  if (line_bytes > hub_.options.line_bytes_max) {
    return fail(Code::too_large, fmt::format("a line to the host is at most {} bytes", hub_.options.line_bytes_max));
  }
  pump_until(hub_.options.unsent_bytes_max);
  if (lags() || lines_.unsent() + line_bytes > hub_.options.unsent_bytes_max) {
    return fail(Code::overloaded, "the host does not read what is sent to it");
  }
  if (calls_.size() >= hub_.options.commands_in_flight_max) {
    return fail(Code::overloaded, fmt::format("the host has not answered {} commands", calls_.size()));
  }
  return {};
}

Result<void> PipeConnection::on_call(const std::string& call, const command::ExecuteRequest& request) {
  if (!is_host()) return fail(Code::link_lost, "the host is gone");
  const std::string name(hub_.without_prefix(request.command));
  const bool is_probe = std::ranges::find(hub_.options.probes, name) != hub_.options.probes.end();
  const auto refuse_call = [&](Error why) {
    ++hub_.counters.commands_refused;
    carrier_->answer(call, fail(std::move(why)));
    return Result<void>();
  };
  auto arguments = hostpipe::read_arguments(request.request);
  if (!arguments) return refuse_call(arguments.error());
  if (is_probe && arguments->saga) return refuse_call({Code::arguments, "a probe belongs to no saga"});
  if (arguments->saga && hub_.gives(*arguments->saga)) {
    return refuse_call({Code::arguments, fmt::format("saga_id {} is one that the hub gives", *arguments->saga)});
  }
  const bool is_said_by_caller = arguments->saga.has_value();
  const HostCalls::Key key{is_probe, is_said_by_caller ? *arguments->saga : hub_.next_saga()};
  if (calls_.is_in_use(key, name)) {
    return refuse_call({Code::in_use, fmt::format("a command of saga {} has not been answered", key.number)});
  }
  hostpipe::Command said{.name = name, .saga = {}, .nonce = {}, .rest = std::move(arguments->members)};
  (is_probe ? said.nonce : said.saga) = key.number;
  const std::string line = hostpipe::encode(said);
  if (auto room = check_room(line.size()); !room) {
    ++hub_.counters.commands_refused;
    return room;
  }
  ++hub_.counters.commands;
  put(line);
  calls_.add(key, {.call = call, .command = is_said_by_caller ? name : std::string(), .until = lines_.put_bytes()});
  return {};
}

// The host is not told: it knows no such line. Its answer becomes an event when it comes.
void PipeConnection::on_cancel(const std::string& call) {
  if (calls_.give_up(call)) ++hub_.counters.given_up;
}

// --- its end

void PipeConnection::fail_to_attach(const Error& why) {
  if (is_host()) refuse(Refusal::invalid_command, true, to_string(why));
}

// Of a command that the host may have read nobody knows what became of it, which the registry says.
void PipeConnection::let_go() {
  late_.disarm();
  if (!carrier_) return;
  hub_.counters.lost += calls_.size();
  calls_.clear();
  std::exchange(carrier_, nullptr)->end();
}

// What had not left as a whole cannot have been read, and does not leave any more.
void PipeConnection::drop_unsent() {
  for (const std::string& call : calls_.take_unsent(lines_.sent())) {
    ++hub_.counters.unsent;
    carrier_->answer(call, fail(Code::not_sent, "the host went before it could read this"));
  }
  lines_.cut();
}

void PipeConnection::leave() {
  if (state_ == State::leaving || state_ == State::over) return;
  state_ = State::leaving;
  let_go();
  lines_.finish();
  hub_.loop.executor().arm(late_, hub_.loop.now() + hub_.options.leave_max);
  gate_.on_leaving(*this);
}

void PipeConnection::cut() {
  if (state_ == State::over) return;
  state_ = State::over;
  drop_unsent();
  let_go();
  gate_.on_over(*this);
}

}  // namespace parley::hub
