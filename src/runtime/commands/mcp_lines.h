#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/wait.h"
#include "runtime/commands/mcp_session.h"
#include "runtime/commands/text_lines.h"

namespace parley::runtime {

// One agent at the other end of a byte stream, for whom the commands of a registry are tools: MCP on standard input and
// output, one message a line. Owned by whoever has the stream, on its loop; outlived by the registry. When the peer has
// said all, what it asked is still answered, and then this is closed; destroying it before cancels that.
class McpLines final : private McpSessionEvents, private TextLinesEvents {
 public:
  struct Options {
    McpSession::Options session = {};
    TextLines::Bounds bounds = {};
  };
  McpLines(Registry& registry, std::unique_ptr<io::Stream> stream, Options options);

  void start() { lines_.start(); }
  // Waits for the end. Errors: link_lost (the peer is gone before it had all), overloaded (it does not read).
  Task<Result<void>> closed();
  const McpSession& session() const { return session_; }

 private:
  void finish();
  void on_mcp_message(std::uint64_t stream, std::string text, bool is_last) override;
  void on_mcp_unanswered(std::uint64_t stream) override;
  void on_line(std::string_view line) override;
  void on_long_line() override;
  void on_lines_end(std::optional<Error> why) override;
  void on_lines_sent() override { end_if_done(); }
  void end_if_done();

  bool has_read_all_ = false;
  Result<void> outcome_;
  Event closed_;
  TextLines lines_;
  McpSession session_;
};

}  // namespace parley::runtime
