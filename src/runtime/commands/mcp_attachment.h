#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/scope.h"
#include "async/wait.h"
#include "core/mcp/client.h"
#include "runtime/commands/mcp_link.h"
#include "runtime/commands/registry.h"

namespace parley::runtime {

struct McpAttachmentCounters {
  std::uint64_t tools_unusable = 0;    // no command can be named so, or somebody else has the name
  std::uint64_t schemas_unusable = 0;  // the server alone checks such arguments
};

// A server of MCP whose tools are commands of a registry, as `prefix.tool`, as long as it lives and offers them. Owned
// by whoever attached it, on the registry's loop; the registry outlives it. When the server is gone its commands are
// removed, and calls to them end at once; destroying it does the same.
class McpAttachment final : private McpLinkEvents {
 public:
  struct Options {
    std::string prefix = {};  // empty: tools are named as the server names them
    core::mcp::Client::Options client = {};
  };
  McpAttachment(Registry& registry, std::unique_ptr<McpLink> link, Options options);
  ~McpAttachment();
  McpAttachment(const McpAttachment&) = delete;
  McpAttachment& operator=(const McpAttachment&) = delete;

  // Introduces itself, and waits until the tools that there are have become commands. Once. Errors: why there is no
  // session.
  Task<Result<void>> start();
  // Waits until the server is gone, and says why.
  Task<Error> gone();
  // Ends it in good order, as far as the server takes part.
  Task<void> leave();

  // Its tools that are commands, by the names of these.
  std::size_t command_count() const { return offered_.size(); }
  const core::mcp::Client& client() const { return client_; }
  const McpAttachmentCounters& counters() const { return counters_; }

 private:
  using Client = core::mcp::Client;
  using Tools = std::map<std::string, core::mcp::Tool, std::less<>>;
  // A call, in the frame of its command.
  struct Waiting {
    ~Waiting();
    McpAttachment* owner = nullptr;
    CommandContext* context = nullptr;
    std::uint64_t call = 0;
    Event ended;
    std::optional<Result<std::string>> result;
  };
  struct Clock final : Timer {
    explicit Clock(McpAttachment& owner) : Timer(&Clock::fire), attachment(owner) {}
    static void fire(Timer& timer);
    McpAttachment& attachment;
  };
  struct Due final : Ready {
    explicit Due(McpAttachment& owner) : Ready(&Due::run), attachment(owner) {}
    static void run(Ready& node) { static_cast<Due&>(node).attachment.on_time(); }
    McpAttachment& attachment;
  };

  void on_link_message(std::string_view text) override;
  void on_link_failed(std::uint64_t request, const Error& why) override;
  void on_link_gone(Error why) override;
  void on_time();
  void carry_out(Client::Effects effects);
  void carry_out(Client::Effect& effect);
  void want(std::vector<core::mcp::Tool> tools);
  Task<void> offer_wanted();
  Task<Result<void>> offer(std::string name, const core::mcp::Tool& tool);
  static Task<Result<std::string>> call(McpAttachment* self, std::string tool, CommandContext& context,
                                        std::string request);
  void end(Error why);

  Registry& registry_;
  // For handlers, of which the registry may have one a little longer; null: gone.
  const std::shared_ptr<McpAttachment*> self_ = std::make_shared<McpAttachment*>(this);
  io::Loop& loop_;
  const std::string prefix_;
  Client client_;
  McpAttachmentCounters counters_;
  Tools wanted_;
  Tools offered_;
  bool is_offering_ = false;
  std::map<std::uint64_t, Waiting*> waiting_;
  std::optional<Error> ended_;
  Event settled_;  // the first tools are commands, or it has ended
  Event gone_;
  Clock clock_{*this};
  Due due_{*this};
  std::unique_ptr<McpLink> link_;
  Scope scope_;
};

}  // namespace parley::runtime
