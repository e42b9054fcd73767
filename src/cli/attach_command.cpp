#include "cli/attach_command.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "async/scope.h"
#include "cli/attach_registry.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "core/directory/name.h"
#include "face/attach.h"
#include "os/spawn.h"
#include "os/termination.h"
#include "runtime/commands/mcp_attachment.h"

namespace parley::cli {

namespace {

// A program that says no more has nearly ended.
constexpr Duration ending_max = std::chrono::seconds(1);
// Then whoever waits is told for what.
constexpr Duration silent_max = std::chrono::seconds(3);

class Attaching {
 public:
  Attaching(io::Loop& loop, Session& session, const AttachCommand& command, std::string peer_token)
      : loop_(loop), session_(session), command_(command), peer_token_(std::move(peer_token)), registry_(loop) {}

  Task<int> run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    AttachSessionOptions options{.said_id = {}, .options = {.is_router = true}};
    if (const auto attached = co_await attach(registry_, session_, std::move(options)); !attached) {
      co_return give_up(attached.error());
    }
    if (command_.address) co_return co_await run_registry(*command_.address);
    auto link = co_await open();
    if (!link) co_return co_await no_server(link.error());
    attachment_ = std::make_unique<runtime::McpAttachment>(registry_, *std::move(link), options_of());
    if (const auto started = co_await started_or_over(); !started) {
      co_return co_await no_server(started.error());
    }
    if (!over_.is_set()) tell();
    co_await until_over();
    if (!failure_) co_await attachment_->leave();
    co_return failure_ ? give_up(*failure_) : code(Exit::ok);
  }

 private:
  runtime::McpAttachment::Options options_of() const {
    runtime::McpAttachment::Options options{.prefix = command_.prefix};
    options.client.self = {.name = "parley", .title = "Parley", .version = PARLEY_VERSION};
    return options;
  }

  // What it has comes to the hub by way of our registry, and what others have goes to it the same way.
  Task<int> run_registry(const std::string& address) {
    registry_.on_unannounced([this](const core::Registry::Unannounced& refused) { tell(refused); });
    auto attached = co_await attach_registry(registry_, address, peer_token_, session_);
    if (!attached) {
      complain(fmt::format("no registry at {}: {}", address, to_string(attached.error())),
               attached.error().code == Code::permission
                   ? "--peer-token-file FILE says as whom to come there"
                   : "it is a hub or speaks lines at unix:PATH or tcp:HOST:PORT, or HTTP at http://HOST:PORT",
               &attached.error());
      co_return exit_of(attached.error());
    }
    peer_ = *std::move(attached);
    if (!command_.quiet) say(fmt::format("attach: {} is attached to the hub", address));
    Scope scope(loop_);
    scope.spawn(watch("hub", hub_has_gone()));
    scope.spawn(watch(std::string(attached_id), {Code::link_lost, "the registry has gone"}));
    co_await over_.wait();
    co_return failure_ ? give_up(*failure_) : code(Exit::ok);
  }
  // Until a carrier has gone.
  Task<void> watch(std::string id, Error end) {
    co_await registry_.detached(std::move(id));
    failure_ = std::move(end);
    over_.set();
  }

  Task<Result<std::unique_ptr<runtime::McpLink>>> open() {
    if (command_.mcp_url) co_return runtime::mcp_http_link(loop_, *command_.mcp_url, peer_token_);
    io::Descriptor streams;
    auto child = os::Child::start_line(*command_.mcp, streams);
    if (!child) co_return fail(std::move(child).error());
    child_ = std::make_unique<os::Child>(*std::move(child));
    std::unique_ptr<io::Dialer> dialer = co_await loop_.dialer(fmt::format("fd:{}", streams.release()));
    std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
    co_return runtime::mcp_line_link(loop_, std::move(stream));
  }

  Task<Result<void>> started_or_over() {
    Result<void> outcome;
    Event done;
    Scope scope(loop_);
    scope.spawn([](runtime::McpAttachment& begun, Result<void>& result, Event& told) -> Task<void> {
      result = co_await begun.start();
      told.set();
    }(*attachment_, outcome, done));
    scope.spawn([](Event& over, Event& told) -> Task<void> {
      co_await over.wait();
      told.set();
    }(over_, done));
    scope.spawn([](io::Loop& loop, bool is_quiet) -> Task<void> {
      co_await Sleep(loop, silent_max);
      if (!is_quiet) warn("the server has not answered yet", "some take long to start; Ctrl-C ends this");
    }(loop_, command_.quiet));
    co_await done.wait();
    co_return outcome;
  }

  Task<void> until_over() {
    Scope scope(loop_);
    scope.spawn([](Attaching& self) -> Task<void> {
      self.failure_ = co_await self.attachment_->gone();
      self.over_.set();
    }(*this));
    scope.spawn(watch("hub", hub_has_gone()));
    co_await over_.wait();
  }

  Task<int> no_server(Error error) {
    const auto add = [&](std::string_view note) {
      error.note += fmt::format("{}{}", error.note.empty() ? "" : "; ", note);
    };
    if (attachment_ && attachment_->client().counters().messages_malformed != 0) {
      add("what it says on standard output is no JSON-RPC");
    }
    if (const std::string outcome = co_await outcome_of_child(); !outcome.empty()) {
      add(fmt::format("its program ended with {}", outcome));
    }
    complain(fmt::format("no MCP server: {}", to_string(error)),
             command_.mcp ? "the line after --mcp is run by the shell; what it says on standard error stands above"
             : error.code == Code::permission
                 ? "--peer-token-file FILE says as whom to come there"
                 : "the URL is that of a server of streamable HTTP, such as http://localhost:3000/mcp",
             &error);
    co_return exit_of(error);
  }
  // Empty: there is none, or it goes on.
  Task<std::string> outcome_of_child() {
    const Instant until = loop_.now() + ending_max;
    while (child_ && loop_.now() < until) {
      if (auto outcome = child_->outcome()) co_return *std::move(outcome);
      co_await Sleep(loop_, std::chrono::milliseconds(5));
    }
    co_return std::string();
  }
  void tell() const {
    if (command_.quiet) return;
    const auto& peer = attachment_->client().peer();
    say(fmt::format("attach: {} {} offers {} commands{}", peer.name, peer.version, attachment_->command_count(),
                    command_.prefix.empty() ? std::string() : fmt::format(" as {}.*", command_.prefix)));
    if (const auto& counters = attachment_->counters(); counters.tools_unusable != 0) {
      warn(fmt::format("{} of its tools are no commands: somebody has their names, or none can be named so",
                       counters.tools_unusable),
           "give them a prefix of their own: --prefix NAME");
    }
  }

  void tell(const core::Registry::Unannounced& refused) {
    constexpr std::size_t told_max = 10;
    if (++unannounced_ > told_max + 1) return;
    if (unannounced_ > told_max) return warn("more of its commands are not offered", "`parley list -c` shows what is");
    std::string why = to_string(refused.why);
    if (refused.why.code == Code::in_use) why = "somebody else has this name";
    if (refused.stands_by) why += "; it is when that one goes";
    warn(fmt::format("{} is not offered: {}", refused.command, why));
  }

  io::Loop& loop_;
  Session& session_;
  const AttachCommand& command_;
  const std::string peer_token_;
  std::unique_ptr<Session> peer_;  // of a registry that is a hub
  Registry registry_;
  std::unique_ptr<os::Child> child_;
  std::unique_ptr<runtime::McpAttachment> attachment_;
  std::size_t unannounced_ = 0;
  std::optional<Error> failure_;
  Event over_;
};

}  // namespace

int run_attach(const Common& common, const AttachCommand& command) {
  const int said = command.address.has_value() + command.mcp.has_value() + command.mcp_url.has_value();
  if (said != 1) {
    complain(fmt::format("say what to attach: the ADDRESS of a registry, --mcp 'COMMAND LINE', or --mcp-url URL{}",
                         said == 0 ? "" : ", and one of them alone"),
             said == 0 ? "" : "each attachment is a process of its own: start one `parley attach` for each");
    return code(Exit::usage);
  }
  if (command.mcp_url && !is_http(*command.mcp_url)) {
    complain(fmt::format("{} is no URL of http: or https:", *command.mcp_url),
             "such as http://localhost:3000/mcp; a server that is a program is attached by --mcp 'COMMAND LINE'");
    return code(Exit::usage);
  }
  if (command.address && (*command.address == "stdio:" || command.address->starts_with("fd:"))) {
    complain(fmt::format("at {} is whoever started this, and no registry", *command.address),
             "an ADDRESS is unix:PATH, tcp:HOST:PORT or http://HOST:PORT; a program is attached by --mcp");
    return code(Exit::usage);
  }
  if (!command.prefix.empty()) {
    if (command.address) {
      complain("--prefix is for the tools of an MCP server: the commands of a registry keep their names");
      return code(Exit::usage);
    }
    if (!core::is_name(command.prefix) || core::is_private(command.prefix)) {
      complain(fmt::format("\"{}\" cannot stand before the names of commands", command.prefix),
               "a prefix is made of letters, digits and _ . : / -, and begins with a letter or a digit");
      return code(Exit::usage);
    }
  }
  std::string peer_token;
  if (command.peer_token_file) {
    auto read = token_in(*command.peer_token_file);
    if (!read) {
      complain(fmt::format("the token: {}", to_string(read.error())), {}, &read.error());
      return code(Exit::usage);
    }
    peer_token = *std::move(read);
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    Attaching attaching(loop, session, command, std::move(peer_token));
    return loop.run_until(attaching.run());
  });
}

}  // namespace parley::cli
