#include <chrono>
#include <optional>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/commands/mcp_link.h"
#include "runtime/commands/text_lines.h"

namespace parley::runtime {

namespace {

constexpr std::size_t line_bytes_max = std::size_t{16} << 20;
constexpr Duration leave_max = std::chrono::seconds(2);

class LineLink final : public McpLink, private TextLinesEvents {
 public:
  LineLink(io::Loop& loop, std::unique_ptr<io::Stream> stream)
      : loop_(loop),
        lines_(loop, std::move(stream), static_cast<TextLinesEvents&>(*this), {.line_bytes_max = line_bytes_max}) {}

  void start(McpLinkEvents& events) override {
    events_ = &events;
    lines_.start();
  }
  void send(std::string text, std::uint64_t) override { lines_.put(text); }
  void cancel(std::uint64_t, std::string text) override { lines_.put(text); }
  // The end of its input is what ends a server.
  Task<void> leave() override {
    lines_.finish();
    Scope scope(loop_);
    scope.spawn([](io::Loop& loop, Event& over) -> Task<void> {
      co_await Sleep(loop, leave_max);
      over.set();
    }(loop_, ended_));
    co_await ended_.wait();
  }

 private:
  void on_line(std::string_view line) override { events_->on_link_message(line); }
  void on_long_line() override {}
  void on_lines_end(std::optional<Error> why) override {
    ended_.set();
    events_->on_link_gone(why ? *std::move(why) : Error{Code::link_lost, "the server has ended"});
  }

  io::Loop& loop_;
  McpLinkEvents* events_ = nullptr;
  Event ended_;
  TextLines lines_;
};

}  // namespace

std::unique_ptr<McpLink> mcp_line_link(io::Loop& loop, std::unique_ptr<io::Stream> stream) {
  return std::make_unique<LineLink>(loop, std::move(stream));
}

}  // namespace parley::runtime
