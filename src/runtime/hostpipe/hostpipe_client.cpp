#include "runtime/hostpipe/hostpipe_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <variant>

#include "codec/json_object.h"

namespace parley {

namespace hostpipe = wire::hostpipe;

// Answers that nobody else is to hear; they take no version.
static constexpr std::array<std::string_view, 3> private_events = {"registered", "pong", "error"};

HostpipeClient::HostpipeClient(Registry& registry, std::unique_ptr<io::Stream> stream, HostpipeClientOptions options)
    : registry_(registry),
      options_(std::move(options)),
      lines_(registry.loop(), std::move(stream), static_cast<runtime::PipeLinesEvents&>(*this),
             {.line_bytes_max = options_.line_bytes_max, .write_max = options_.write_max}),
      commands_(registry.loop()),
      probes_(registry.loop()) {}
HostpipeClient::~HostpipeClient() = default;

Task<Result<void>> HostpipeClient::start() {
  lines_.start();
  registry_.loop().executor().arm(deadline_, registry_.loop().now() + options_.register_max);
  static_cast<void>(say(hostpipe::encode({.body = hostpipe::Register{"host", options_.pid, options_.token}})));
  co_await agreed_.wait();
  if (!has_registered_) co_return fail(*ended_);
  co_return Result<void>();
}

Task<Error> HostpipeClient::gone() {
  co_await gone_.wait();
  co_return *ended_;
}

Result<void> HostpipeClient::report(std::string_view fact, std::string_view payload) {
  PARLEY_TRY(auto members, hostpipe::members_of_report(payload));
  return say(hostpipe::encode({.body = hostpipe::Report{std::string(fact), {}, std::move(members)}}));
}

void HostpipeClient::leave() {
  if (ended_) return;
  static_cast<void>(say(hostpipe::encode({.body = hostpipe::Goodbye()})));
  lines_.finish();
  end({Code::closed, "the host has left"});
}

Result<void> HostpipeClient::say(std::string_view line) {
  if (ended_) return fail(Code::link_lost, "the launcher is gone");
  if (line.size() > options_.said_bytes_max) {
    return fail(Code::too_large, fmt::format("a line to the launcher is at most {} bytes", options_.said_bytes_max));
  }
  if (lines_.unsent() + line.size() > options_.unsent_bytes_max) {
    return fail(Code::overloaded, "the launcher does not read what is said to it");
  }
  lines_.put(line);
  return {};
}

// The launcher waits for it, and would wait in vain.
void HostpipeClient::answer(std::string_view line) {
  if (const auto said = say(line); !said && said.error().code == Code::overloaded) {
    end({Code::silence, said.error().note});
  }
}

// --- what the launcher says

void HostpipeClient::on_line(std::string_view line) {
  if (ended_) return;
  auto read = hostpipe::parse_of_launcher(line);
  if (!read) {
    ++counters_.skipped;
    return;
  }
  std::visit([this]<class T>(T& said) { take(std::move(said)); }, *read);
}

// It may be one that a launcher says again because it does not know whether it was heard.
void HostpipeClient::take(hostpipe::Command command) {
  if (command.saga) {
    const auto [known, is_new] = answered_.try_emplace({*command.saga, command.name});
    if (!is_new) {
      ++counters_.commands_again;
      if (!known->second.empty()) answer(known->second);
      return;
    }
  }
  ++counters_.commands;
  const bool is_probe = command.nonce && !command.saga;
  Scope& scope = is_probe ? probes_ : commands_;
  if (scope.size() >= (is_probe ? options_.probes_max : options_.commands_max)) {
    ++counters_.failed;
    if (!command.saga) return;
    keep({*command.saga, command.name},
         hostpipe::encode({.body = hostpipe::ActionFailed{*command.saga, "too many commands run in this host"}}));
    return;
  }
  scope.spawn(run(*this, std::move(command)));
}

Task<void> HostpipeClient::run(HostpipeClient& client, hostpipe::Command command) {
  const auto ended = co_await client.registry_.execute_json(client.options_.command_prefix + command.name,
                                                            hostpipe::object_of(command.rest), {});
  auto answer = ended ? client.answer_of(command, ended->result) : fail(ended.error());
  const std::size_t most = client.options_.said_bytes_max;
  std::string line = answer ? hostpipe::encode({.body = *answer}) : std::string();
  if (line.size() > most) {
    answer = fail(Code::too_large, fmt::format("a line to the launcher is at most {} bytes", most));
  }
  if (!answer) ++client.counters_.failed;
  if (command.saga) {
    const auto failed = [&](std::string why) {
      return hostpipe::encode({.body = hostpipe::ActionFailed{*command.saga, std::move(why)}});
    };
    if (!answer) line = failed(to_string(answer.error()));
    if (line.size() > most) line = failed("the reason is longer than a line");
    client.keep({*command.saga, command.name}, std::move(line));
  } else if (command.nonce && answer) {
    client.answer(line);
  }
}

// A result may say by its `cmd` which report it is.
Result<hostpipe::HostBody> HostpipeClient::answer_of(const hostpipe::Command& command, std::string_view result) {
  PARLEY_TRY(auto members, hostpipe::members_of_report(result));
  if (command.nonce && !command.saga) return hostpipe::Alive{options_.alive, *command.nonce, std::move(members)};
  const auto known = options_.reports.find(command.name);
  hostpipe::Report report{known == options_.reports.end() ? command.name : known->second, command.saga,
                          std::move(members)};
  if (const auto said = hostpipe::parse_of_host(result)) {
    if (const auto* const chosen = std::get_if<hostpipe::Report>(&said->body)) report.name = chosen->name;
  }
  return report;
}

void HostpipeClient::keep(const Key& key, std::string line) {
  answer(line);
  answered_.at(key) = std::move(line);
  order_.push_back(key);
  if (order_.size() <= options_.answers_kept_max) return;
  answered_.erase(order_.front());
  order_.pop_front();
}

bool HostpipeClient::is_news(const hostpipe::Event& event) {
  if (!event.version) return true;
  if (*event.version <= version_) {
    ++counters_.events_again;
    return false;
  }
  if (version_ != 0 && *event.version != version_ + 1) ++counters_.gaps;
  version_ = *event.version;
  return true;
}

void HostpipeClient::take(const hostpipe::Event& event) {
  if (std::ranges::find(private_events, event.name) != private_events.end()) {
    if (event.name == "registered") {
      has_registered_ = true;
      version_ = std::max(version_, event.version.value_or(0));
      deadline_.disarm();
      agreed_.set();
    } else if (event.name == "error") {
      ++counters_.refusals;
      const auto object = hostpipe::object_of(event.rest);
      const auto said = codec::JsonObject::of_checked(object);
      const auto* const fatal = said.find("fatal");
      const auto* const message = said.find("message");
      const bool is_text = message && codec::json_kind(*message) == codec::JsonKind::string;
      if (fatal && *fatal == "true") {
        end({Code::refused, is_text ? codec::json_string(*message) : "the launcher gives no reason"});
      }
    }
    return;
  }
  if (event.name == "snapshot") {
    version_ = std::max(version_, event.version.value_or(0));
  } else if (event.name != "event_list" && !is_news(event)) {
    return;
  }
  ++counters_.events;
  if (!registry_.emit_json(options_.event_prefix + event.name, hostpipe::object_of(event.rest))) {
    ++counters_.events_unnamed;
  }
}

Task<Result<std::unique_ptr<HostpipeClient>>> dial_hostpipe(Registry& registry, std::string uri,
                                                            HostpipeClientOptions options) {
  auto dialer = registry.loop().dialer(uri);
  if (!dialer) co_return fail(std::move(dialer).error());
  auto stream = co_await (*dialer)->dial();
  if (!stream) co_return fail(std::move(stream).error());
  auto client = std::make_unique<HostpipeClient>(registry, *std::move(stream), std::move(options));
  if (auto agreed = co_await client->start(); !agreed) co_return fail(std::move(agreed).error());
  co_return std::move(client);
}

// --- its end

void HostpipeClient::on_pipe_end(std::optional<Error> why) {
  end(why ? *std::move(why) : Error{Code::link_lost, "the launcher is gone"});
}

// Also behind a goodbye that the launcher does not read.
void HostpipeClient::on_stuck() {
  end({Code::silence, "the launcher does not read"});
  lines_.cut();
}

void HostpipeClient::end(Error why) {
  if (ended_) return;
  const bool is_leaving = why.code == Code::closed;
  ended_ = std::move(why);
  deadline_.disarm();
  if (!is_leaving) lines_.cut();
  agreed_.set();
  gone_.set();
}

}  // namespace parley
