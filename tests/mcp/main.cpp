// What the tests of MCP in interop/ are run against: a server with the tools that they call, over HTTP as a hub serves
// it or on standard streams as `parley mcp` does, and a client.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "face/loop.h"
#include "hub/mcp_pages.h"
#include "mcp/tools.h"
#include "runtime/commands/mcp_attachment.h"
#include "runtime/commands/mcp_lines.h"

namespace mcp_peer {
namespace {

using namespace parley;

constexpr std::string_view usage =
    "usage: mcp_peer http        serves at http://localhost:PORT/mcp, and prints {\"url\": ..}\n"
    "       mcp_peer stdio       serves on standard input and output\n"
    "       mcp_peer client URL  connects, lists, and calls what the conformance suite wants called\n";

int give_up(const Error& error) {
  fmt::print(stderr, "mcp_peer: {}\n", to_string(error));
  return 1;
}

// The web of a hub without its door: whoever comes is the owner.
class Server final : private hub::WebEvents, private io::ListenerEvents {
 public:
  Server(io::Loop& loop, Registry& registry)
      : pages_(registry, hub::McpPagesOptions()),
        web_(loop, static_cast<hub::WebEvents&>(*this), io::HttpLimits(), sessions_max) {
    pages_.add_to(web_, "/mcp");
  }
  void start(io::Listener& listener) { listener.start(static_cast<io::ListenerEvents&>(*this)); }

 private:
  static constexpr std::size_t sessions_max = 1024;

  const hub::Gate& gate() const override { return gate_; }
  void on_web_refused(const std::optional<core::Principal>&, const io::Peer&, const Error&) override {}
  void on_web_upgrade(std::unique_ptr<io::Stream>, const io::HttpRequest&, std::optional<core::Principal>,
                      Instant) override {}
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    web_.accept(stream, core::Principal::of_own_process(), Instant::never());
  }
  void on_listener_failed(Error error) override { give_up(error); }

  const hub::Gate gate_{core::Policy::of_owner(core::Principal::of_own_process()), core::Tokens()};
  hub::McpPages pages_;
  hub::Web web_;
};

int serve_http(io::Loop& loop, Registry& registry) {
  Server server(loop, registry);
  const auto listener = loop.listen("tcp:127.0.0.1:0");
  if (!listener) return give_up(listener.error());
  server.start(**listener);
  const std::string& address = (*listener)->address();
  fmt::print("{{\"url\":\"http://localhost:{}/mcp\"}}\n", address.substr(address.rfind(':') + 1));
  std::fflush(stdout);
  loop.run();
  return 0;
}

Task<Result<void>> serve_lines(io::Loop& loop, Registry& registry) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer("stdio:");
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  runtime::McpLines::Options options;
  options.session.server.self = {.name = "mcp_peer", .title = {}, .version = "0.0.0"};
  runtime::McpLines lines(registry, std::move(stream), std::move(options));
  lines.start();
  co_return co_await lines.closed();
}

Task<Result<void>> ask(io::Loop& loop, Registry& registry, std::string url) {
  std::unique_ptr<runtime::McpLink> link = co_await runtime::mcp_http_link(loop, url);
  runtime::McpAttachment::Options options;
  options.client.self = {.name = "mcp_peer", .title = {}, .version = "0.0.0"};
  runtime::McpAttachment attachment(registry, std::move(link), std::move(options));
  co_await co_await attachment.start();
  for (const CommandDefinition& each : registry.commands()) {
    const bool adds = each.id == "add_numbers";
    if (!adds && each.id != "test_reconnection") continue;
    auto answer = co_await registry.execute_json(each.id, adds ? R"({"a":5,"b":3})" : "{}");
    if (!answer) co_return fail(std::move(answer).error());
    fmt::print(stderr, "{}: {}\n", each.id, answer->result);
  }
  co_await attachment.leave();
  co_return Result<void>();
}

int run(int argc, char** argv) {
  const std::string_view does = argc > 1 ? argv[1] : "";
  Loop loop;
  Registry registry(loop);
  if (does == "client" && argc == 3) {
    const auto asked = loop.run_until(ask(loop, registry, argv[2]));
    return asked ? 0 : give_up(asked.error());
  }
  if (argc != 2 || (does != "http" && does != "stdio")) {
    std::fputs(usage.data(), stderr);
    return 2;
  }
  Tools tools(registry);
  if (const auto added = loop.run_until(tools.add()); !added) return give_up(added.error());
  if (does == "http") return serve_http(loop, registry);
  const auto served = loop.run_until(serve_lines(loop, registry));
  registry.close();
  return served ? 0 : give_up(served.error());
}

}  // namespace
}  // namespace mcp_peer

int main(int argc, char** argv) { return mcp_peer::run(argc, argv); }
