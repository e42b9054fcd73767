#include "runtime/commands/mcp_lines.h"

#include <utility>

#include "wire/mcp/jsonrpc.h"

namespace parley::runtime {

McpLines::McpLines(Registry& registry, std::unique_ptr<io::Stream> stream, Options options)
    : lines_(registry.loop(), std::move(stream), static_cast<TextLinesEvents&>(*this), options.bounds),
      session_(registry, static_cast<McpSessionEvents&>(*this), std::move(options.session)) {}

Task<Result<void>> McpLines::closed() {
  co_await closed_.wait();
  co_return outcome_;
}

void McpLines::finish() {
  has_read_all_ = true;
  end_if_done();
}

void McpLines::on_line(std::string_view line) {
  if (!has_read_all_) session_.on_message(line);
}
void McpLines::on_mcp_message(std::uint64_t, std::string text, bool) { lines_.put(text); }
void McpLines::on_mcp_unanswered(std::uint64_t) { end_if_done(); }

// Nobody has read its id.
void McpLines::on_long_line() {
  lines_.put(wire::mcp::encode_error({}, wire::mcp::invalid_request, "the message is too long"));
}

void McpLines::on_lines_end(std::optional<Error> why) {
  if (!why) return finish();
  has_read_all_ = true;
  outcome_ = fail(*std::move(why));
  closed_.set();
  session_.end();
}

void McpLines::end_if_done() {
  if (!has_read_all_ || closed_.is_set() || session_.server().in_flight() != 0 || !lines_.is_all_sent()) return;
  lines_.finish();
  closed_.set();
}

}  // namespace parley::runtime
