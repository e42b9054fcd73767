#include "runtime/commands/line_carrier.h"

#include <atomic>
#include <deque>
#include <variant>

#include "async/wait.h"
#include "codec/json_text.h"
#include "runtime/commands/text_lines.h"
#include "wire/command/meta.h"

namespace parley {

namespace command = wire::command;

namespace {

// Messages that were read and nobody took: a registry takes them as they come.
constexpr std::size_t unread_max = 65536;

class StreamLines final : public LineCarrier,
                          public std::enable_shared_from_this<StreamLines>,
                          private runtime::TextLinesEvents {
 public:
  StreamLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, LineCarrierOptions options)
      : LineCarrier(std::move(options.id), options.is_extended),
        loop_(loop),
        limits_(options.limits),
        token_(std::move(options.token)),
        lines_(loop, std::move(stream), *this,
               {.line_bytes_max = limits_.message_bytes_max,
                .first_bytes_max = options.first_bytes_max,
                .unsent_bytes_max = limits_.bytes_max + limits_.message_bytes_max}) {}

  const io::Peer& peer() const override { return lines_.peer(); }
  const LineCarrierCounters& counters() const override { return counters_; }

  Task<Result<void>> start() override {
    if (is_closed_.load()) co_return fail(Code::closed, "the carrier");
    lines_.start();
    co_return Result<void>();
  }

  Result<void> send(const CommandMessage& message) override {
    if (is_closed_.load()) return fail(Code::closed, "the carrier");
    if (is_write_dead_.load()) return fail(Code::link_lost, "the peer of the carrier is gone");
    std::string line = encode(message, is_extended());
    if (line.size() >= limits_.message_bytes_max)
      return fail(Code::too_large, "the message is longer than a line may be");
    if (queued_.load() >= limits_.bytes_max) return fail(Code::overloaded, "the peer of the carrier takes nothing");
    queued_ += line.size() + 1;
    if (loop_.is_own_thread()) {
      put(std::move(line));
    } else {
      ++on_their_way_;
      loop_.post([self = shared_from_this(), line = std::move(line)]() mutable {
        --self->on_their_way_;
        self->put(std::move(line));
      });
    }
    return {};
  }
  Task<void> writable() override {
    while (queued_.load() * 2 > limits_.bytes_max && !is_closed_.load() && !is_write_dead_.load()) {
      writable_.reset();
      co_await writable_.wait();
    }
  }
  Task<std::optional<ReceivedCommand>> receive() override {
    for (;;) {
      if (is_closed_.load()) co_return std::nullopt;
      if (!messages_.empty()) {
        std::optional<ReceivedCommand> message = std::move(messages_.front());
        messages_.pop_front();
        co_return message;
      }
      if (has_read_all_) co_return std::nullopt;
      readable_.reset();
      co_await readable_.wait();
    }
  }
  void close() override {
    if (is_closed_.exchange(true)) return;
    if (loop_.is_own_thread()) {
      end();
    } else {
      loop_.post([self = shared_from_this()] { self->end(); });
    }
  }

 private:
  // The first line says the token, whichever thread it comes from.
  void put(std::string line) {
    if (!token_.empty()) {
      auto message = std::get<CommandMessage>(command::parse(line, true));
      std::string quoted;
      codec::put_quoted(quoted, std::exchange(token_, {}));
      message.meta = command::with_meta_member(message.meta, command::token_key, quoted);
      const std::size_t before = line.size();
      line = encode(message, is_extended());
      queued_ += line.size() - before;
    }
    lines_.put(line);
  }
  // What was sent still leaves.
  void end() {
    messages_.clear();
    readable_.set();
    writable_.set();
    // Behind what other threads have sent.
    if (on_their_way_.load() == 0) return lines_.finish();
    loop_.post([self = shared_from_this()] { self->lines_.finish(); });
  }

  void on_line(std::string_view line) override {
    if (is_closed_.load() || has_read_all_) return;
    if (messages_.size() > unread_max) {
      lines_.cut({Code::overloaded, "nobody takes what the peer says"});
      return end_reading();
    }
    auto parsed = command::parse(line, is_extended());
    if (std::holds_alternative<command::Malformed>(parsed)) ++counters_.messages_malformed;
    messages_.push_back(std::move(parsed));
    readable_.set();
  }
  void on_long_line() override { ++counters_.lines_too_long; }
  void on_lines_moved(std::size_t bytes) override {
    queued_ -= bytes;
    if (queued_.load() * 2 <= limits_.bytes_max) writable_.set();
  }
  void on_lines_cut() override {
    is_write_dead_ = true;
    writable_.set();
  }
  void on_lines_end(std::optional<Error> why) override {
    if (why) on_lines_cut();
    end_reading();
  }
  void end_reading() {
    has_read_all_ = true;
    readable_.set();
  }

  io::Loop& loop_;
  const CarrierLimits limits_;
  std::string token_;  // until it has been said
  LineCarrierCounters counters_;
  std::deque<ReceivedCommand> messages_;
  Event readable_;
  Event writable_;
  bool has_read_all_ = false;
  std::atomic<std::size_t> on_their_way_ = 0;  // lines of other threads, to the loop
  std::atomic<bool> is_closed_ = false;
  std::atomic<bool> is_write_dead_ = false;
  std::atomic<std::size_t> queued_ = 0;  // handed to send(), and not taken by the stream
  runtime::TextLines lines_;
};

}  // namespace

std::shared_ptr<LineCarrier> LineCarrier::make(io::Loop& loop, std::unique_ptr<io::Stream> stream,
                                               LineCarrierOptions options) {
  return std::make_shared<StreamLines>(loop, std::move(stream), std::move(options));
}

}  // namespace parley
