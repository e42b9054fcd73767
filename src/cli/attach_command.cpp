#include "cli/attach_command.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "async/scope.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "core/directory/name.h"
#include "face/attach.h"
#include "os/spawn.h"
#include "os/termination.h"
#include "runtime/commands/http_carrier.h"
#include "runtime/commands/line_server.h"
#include "runtime/commands/mcp_attachment.h"

namespace parley::cli {

namespace {

// What the attached registry is called here.
constexpr std::string_view peer_id = "registry";

class Attaching {
 public:
  Attaching(io::Loop& loop, Session& session, const AttachCommand& command)
      : loop_(loop), session_(session), command_(command), registry_(loop) {}

  Task<int> run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    AttachSessionOptions options{.said_id = {}, .options = {.is_router = true}};
    if (const auto attached = co_await attach(registry_, session_, std::move(options)); !attached) {
      co_return give_up(attached.error());
    }
    if (command_.address) co_return co_await run_registry(*command_.address);
    auto link = co_await open();
    if (!link) co_return no_server(link.error());
    attachment_ = std::make_unique<runtime::McpAttachment>(registry_, *std::move(link), options_of());
    if (const auto started = co_await started_or_over(); !started) co_return no_server(started.error());
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
  Task<int> run_registry(std::string address) {
    const bool is_http = address.starts_with("http://") || address.starts_with("https://");
    std::optional<Error> failure;
    std::shared_ptr<Carrier> carrier;
    if (is_http) {
      auto made = http_carrier(loop_, address, {.id = std::string(peer_id)});
      if (made) {
        carrier = *std::move(made);
      } else {
        failure = std::move(made).error();
      }
    } else {
      auto dialed = co_await dial_lines(loop_, address, {.id = std::string(peer_id)});
      if (dialed) {
        carrier = *std::move(dialed);
      } else {
        failure = std::move(dialed).error();
      }
    }
    if (!failure) {
      if (auto attached = co_await registry_.attach(std::move(carrier)); !attached)
        failure = std::move(attached).error();
    }
    if (failure) {
      complain(fmt::format("no registry at {}: {}", address, to_string(*failure)),
               "it speaks lines at unix:PATH or tcp:HOST:PORT, or HTTP at http://HOST:PORT", &*failure);
      co_return exit_of(*failure);
    }
    if (!command_.quiet) say(fmt::format("attach: {} is attached to the hub", address));
    Scope scope(loop_);
    for (const std::string_view id : {std::string_view("hub"), peer_id}) {
      scope.spawn([](Attaching& self, std::string who) -> Task<void> {
        co_await self.registry_.detached(who);
        self.failure_ =
            Error{Code::link_lost, who == "hub" ? "the hub has ended the session; start this again when it is back"
                                                : "the registry has gone"};
        self.over_.set();
      }(*this, std::string(id)));
    }
    co_await over_.wait();
    co_return failure_ ? give_up(*failure_) : code(Exit::ok);
  }

  Task<Result<std::unique_ptr<runtime::McpLink>>> open() {
    if (command_.mcp_url) co_return runtime::mcp_http_link(loop_, *command_.mcp_url);
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
    co_await done.wait();
    co_return outcome;
  }

  Task<void> until_over() {
    Scope scope(loop_);
    scope.spawn([](Attaching& self) -> Task<void> {
      self.failure_ = co_await self.attachment_->gone();
      self.over_.set();
    }(*this));
    scope.spawn([](Attaching& self) -> Task<void> {
      co_await self.registry_.detached("hub");
      self.failure_ = Error{Code::link_lost, "the hub has ended the session; start this again when it is back"};
      self.over_.set();
    }(*this));
    co_await over_.wait();
  }

  int no_server(const Error& error) const {
    complain(fmt::format("no MCP server: {}", to_string(error)),
             command_.mcp ? "the line after --mcp is run by the shell; what it says on standard error stands above"
                          : "the URL is that of a server of streamable HTTP, such as http://localhost:3000/mcp",
             &error);
    return exit_of(error);
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

  io::Loop& loop_;
  Session& session_;
  const AttachCommand& command_;
  Registry registry_;
  std::unique_ptr<os::Child> child_;
  std::unique_ptr<runtime::McpAttachment> attachment_;
  std::optional<Error> failure_;
  Event over_;
};

}  // namespace

int run_attach(const Common& common, const AttachCommand& command) {
  if (command.address.has_value() + command.mcp.has_value() + command.mcp_url.has_value() != 1) {
    complain("say what to attach: the ADDRESS of a registry, --mcp 'COMMAND LINE', or --mcp-url URL");
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
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    Attaching attaching(loop, session, command);
    return loop.run_until(attaching.run());
  });
}

}  // namespace parley::cli
