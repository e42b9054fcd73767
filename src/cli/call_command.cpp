#include "cli/call_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "async/scope.h"
#include "cli/command_call.h"
#include "cli/described.h"
#include "cli/feed.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/json_text.h"
#include "core/directory/name.h"
#include "face/trace_file.h"
#include "runtime/commands/session_carrier.h"

namespace parley::cli {

namespace {

// One call from what was typed to what is printed.
class Calling {
 public:
  Calling(const Common& common, const CallCommand& command, io::Loop& loop, Session& session, std::uint64_t& method_id,
          std::string near_command)
      : common_(common),
        command_(command),
        loop_(loop),
        session_(session),
        method_id_(method_id),
        near_command_(std::move(near_command)),
        scope_(loop.executor()) {}

  Task<int> run() {
    const std::size_t dot = command_.method.rfind('.');
    if (dot == std::string::npos) {
      if (near_command_.empty()) {
        complain(fmt::format("\"{}\" names no command and no method", command_.method),
                 "say the service's name, a dot and the method: parley call Calculator.add '[2, 3]'");
        co_return code(Exit::usage);
      }
      const Error error{Code::not_found, fmt::format("there is no command \"{}\"", command_.method)};
      complain(error, meant());
      co_return exit_of(error);
    }
    const std::string name = command_.method.substr(0, dot);
    const std::string method = command_.method.substr(dot + 1);
    if (command_.deadline_s)
      deadline_ =
          loop_.now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*command_.deadline_s));
    auto service = co_await described(session_, name, left());
    if (!service) {
      const bool is_command = service.error().code == Code::not_found && !near_command_.empty();
      complain(service.error(), is_command ? meant() : "`parley list` shows what there is");
      co_return exit_of(service.error());
    }
    service_.emplace(std::move(*service));
    method_ = service_->find(method);
    if (!method_) co_return no_method(name, method);
    method_id_ = method_->id;
    if (command_.wants_help) co_return show_help(name);
    if (!command_.flags.empty()) co_return no_flags();
    if (const int wrong = take_arguments()) co_return wrong;
    co_return co_await call(name);
  }

 private:
  std::string meant() const { return fmt::format("did you mean the command {}?", near_command_); }
  int show_help(const std::string& name) const {
    say(fmt::format("{}.{}", name, signature(service_->description(), *method_)));
    if (!method_->description.empty()) say("\n" + method_->description);
    return code(Exit::ok);
  }
  int no_flags() const {
    complain(fmt::format("there is no option {}, and a method of a service takes no flags", command_.flags.front()),
             usage());
    return code(Exit::usage);
  }
  int no_method(const std::string& name, const std::string& method) const {
    std::vector<std::string_view> names;
    for (const codec::MethodDescription& each : service_->description().methods) names.push_back(each.name);
    const std::string_view near = codec::nearest_name(method, names.data(), names.size());
    complain(fmt::format("{} has no method \"{}\"", name, method),
             near.empty() ? fmt::format("it has {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near));
    return code(Exit::kind_base) + static_cast<int>(Kind::not_found);
  }
  std::optional<Duration> left() const {
    if (!deadline_) return std::nullopt;
    return std::max(*deadline_ - loop_.now(), Duration::zero());
  }
  std::string usage() const { return fmt::format("it is {}", signature(service_->description(), *method_)); }

  // 0, or the exit code.
  int take_arguments() {
    std::vector<std::string> feeds = command_.feeds;
    std::string json = "[]";
    const std::size_t begin = command_.arguments.find_first_not_of(" \t\n");
    if (begin != std::string::npos && (command_.arguments[begin] == '[' || command_.arguments[begin] == '{')) {
      json = command_.arguments;
    } else if (!command_.arguments.empty()) {
      feeds.insert(feeds.begin(), command_.arguments);
    }
    auto arguments = service_->arguments(*method_, json);
    if (!arguments && json == "[]" && !feeds.empty()) {
      complain("the arguments are one text of JSON, in quotes: '[2, 3]'", usage());
      return code(Exit::usage);
    }
    if (!arguments) {
      complain(fmt::format("the arguments: {}", arguments.error().note), usage(), &arguments.error());
      return exit_of(arguments.error());
    }
    arguments_ = std::move(*arguments);
    const auto fed = static_cast<std::size_t>(
        std::ranges::count(arguments_.channels, codec::Direction::rx, &codec::DynamicChannel::direction));
    if (feeds.size() != fed) {
      complain(fmt::format("the method reads {} streams, and {} are given", fed, feeds.size()),
               fmt::format("{}; behind the arguments comes a file, or - for standard input, for each stream", usage()));
      return code(Exit::usage);
    }
    for (const std::string& path : feeds) {
      auto feed = Feed::open(loop_, path);
      if (!feed) {
        complain(feed.error().note, {}, &feed.error());
        return code(Exit::usage);
      }
      feeds_.push_back(std::move(*feed));
    }
    return 0;
  }

  Task<int> call(const std::string& name) {
    CallOptions options{.deadline = left()};
    for (const std::string& entry : command_.metadata) {
      const std::size_t equals = entry.find('=');
      options.metadata.add(entry.substr(0, equals), entry.substr(equals + 1));
    }
    std::vector<RawChannel> given = make_channels();
    RawCall call =
        RawCall::start(session_.runtime().to_service(name), method_->id, arguments_.bytes, std::move(given), options);
    const Result<RawResponse> response = co_await call;
    while (printing_ != 0) {
      printed_.reset();
      co_await printed_.wait();
    }
    if (response && broken_) co_return give_up(*broken_);
    if (!response) co_return give_up(response.error());
    co_return show(*response);
  }

  std::vector<RawChannel> make_channels() {
    std::vector<RawChannel> given;
    std::size_t fed = 0;
    const bool is_named =
        std::ranges::count(arguments_.channels, codec::Direction::tx, &codec::DynamicChannel::direction) > 1;
    for (const codec::DynamicChannel& channel : arguments_.channels) {
      auto [tx, rx] = raw_channel(channel.initial_credit);
      if (channel.direction == codec::Direction::tx) {
        given.emplace_back(std::move(tx));
        ++printing_;
        scope_.spawn(print(std::move(rx), channel.item, is_named ? channel.path : std::string()));
      } else {
        given.emplace_back(std::move(rx));
        scope_.spawn(feed(std::move(tx), channel.item, *feeds_[fed++]));
      }
    }
    return given;
  }

  Task<void> print(RawRx rx, std::uint32_t type, std::string path) {
    while (const std::optional<Bytes> item = co_await rx.recv()) {
      const auto json = service_->to_json(type, item->view());
      if (!json) {
        broken_ = json.error();
        break;
      }
      say(path.empty() ? *json : fmt::format("{{\"channel\":{},\"item\":{}}}", codec::to_json(path), *json));
    }
    if (rx.error() && !broken_) broken_ = *rx.error();
    --printing_;
    printed_.set();
  }

  Task<void> feed(RawTx tx, std::uint32_t type, Feed& lines) {
    for (std::size_t number = 1; std::optional<std::string> line = co_await lines.next(); ++number) {
      if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
      const auto item = service_->to_postcard(type, *line);
      if (!item) {
        broken_ = Error{item.error().code, fmt::format("line {}: {}", number, item.error().note)};
        co_return;  // the receiver sees that this is no clean end
      }
      if (!co_await tx.send(*item)) co_return;
    }
    if (!lines.is_whole()) {
      broken_ = Error{Code::invalid, "what the stream is fed from cannot be read"};
      co_return;
    }
    tx.close();
  }

  int show(const RawResponse& response) const {
    const std::uint32_t type = response.is_own_error && method_->own_error ? *method_->own_error : method_->result;
    const auto json = service_->to_json(type, response.payload.view());
    if (!json) return give_up(json.error());
    const bool is_nothing = !response.is_own_error && *json == "null";
    if (common_.json) {
      say(command_.detailed || response.is_own_error ? in_json(response, *json) : *json);
    } else if (response.is_own_error) {
      complain(fmt::format("{} answers with its error {}", method_->name, *json));
    } else if (!is_nothing) {
      say(*json);
    }
    if (command_.detailed && !common_.json) say(fmt::format("beside it: [{}]", to_string(response.metadata)));
    return code(response.is_own_error ? Exit::own_error : Exit::ok);
  }
  std::string in_json(const RawResponse& response, const std::string& json) const {
    std::string text = fmt::format("{{\"{}\":{}", response.is_own_error ? "error" : "result", json);
    if (command_.detailed) text += fmt::format(",\"metadata\":{}", codec::to_json(to_string(response.metadata)));
    return text + "}";
  }

  const Common& common_;
  const CallCommand& command_;
  io::Loop& loop_;
  Session& session_;
  std::uint64_t& method_id_;        // of what is called, once that is known
  const std::string near_command_;  // that may be meant
  std::optional<codec::Transcoder> service_;
  const codec::MethodDescription* method_ = nullptr;
  codec::DynamicArguments arguments_;
  std::vector<std::unique_ptr<Feed>> feeds_;
  std::optional<Instant> deadline_;
  std::optional<Error> broken_;  // on a channel
  std::size_t printing_ = 0;
  Event printed_;
  Scope scope_;
};

// What commands there are; none at a hub that is too old to have them.
Result<std::vector<CommandDefinition>> ask_commands(io::Loop& loop, Session& session) {
  auto all = loop.run_until(list_commands(session.runtime(), {.deadline = patience}));
  if (!all && all.error().code == Code::unsupported) return std::vector<CommandDefinition>();
  return all;
}

int call_anything(const Common& common, const CallCommand& command, io::Loop& loop, Session& session,
                  std::uint64_t& method_id) {
  const auto commands = ask_commands(loop, session);
  if (!commands) return give_up(commands.error());
  std::vector<std::string_view> names;
  for (const CommandDefinition& each : *commands) {
    if (each.id == command.method) return run_command(common, command, loop, session, each);
    names.push_back(each.id);
  }
  if (core::is_private(command.method)) {
    const Error error{Code::not_found, fmt::format("\"{}\" is a private name", command.method)};
    complain(error, "what begins with _ is called in its own process alone");
    return exit_of(error);
  }
  const std::string_view near = codec::nearest_name(command.method, names.data(), names.size());
  Calling calling(common, command, loop, session, method_id, std::string(near));
  return loop.run_until(calling.run());
}

}  // namespace

int run_call(const Common& common, const CallCommand& command) {
  Interceptors interceptors;
  std::uint64_t method = 0;
  if (command.trace) {
    auto file = TraceFile::open(*command.trace);
    if (!file) {
      complain(fmt::format("cannot write spans to {}", file.error().note), {}, &file.error());
      return code(Exit::usage);
    }
    interceptors.push_back(std::make_shared<Tracing>(
        std::move(*file),
        Tracing::Options{.name_of = [&](std::uint64_t id) { return id == method ? command.method : std::string(); }}));
  }
  return with_hub(
      common, [&](io::Loop& loop, Session& session) { return call_anything(common, command, loop, session, method); },
      interceptors);
}

}  // namespace parley::cli
