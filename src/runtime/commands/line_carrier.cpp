#include "runtime/commands/line_carrier.h"

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <variant>

#include "async/wait.h"
#include "base/out_buffer.h"
#include "codec/json_text.h"
#include "wire/command/line_reader.h"

namespace parley {

namespace command = wire::command;

namespace {

constexpr std::size_t read_bytes = std::size_t{16} << 10;
// Messages that were read and nobody took: a registry takes them as they come.
constexpr std::size_t unread_max = 65536;

class StreamLines final : public LineCarrier,
                          public std::enable_shared_from_this<StreamLines>,
                          private io::StreamEvents {
 public:
  StreamLines(io::Loop& loop, std::unique_ptr<io::Stream> stream, LineCarrierOptions options)
      : LineCarrier(std::move(options.id), options.is_extended),
        loop_(loop),
        limits_(options.limits),
        token_(std::move(options.token)),
        stream_(std::move(stream)),
        reader_(options.limits.message_bytes_max),
        out_(loop.blocks()) {}

  const io::Peer& peer() const override { return stream_->peer(); }
  const LineCarrierCounters& counters() const override { return counters_; }

  Task<Result<void>> start() override {
    if (is_closed_.load()) co_return fail(Code::closed, "the carrier");
    stream_->start(static_cast<io::StreamEvents&>(*this));
    co_return Result<void>();
  }

  Result<void> send(const CommandMessage& message) override {
    if (is_closed_.load()) return fail(Code::closed, "the carrier");
    if (is_write_dead_.load()) return fail(Code::link_lost, "the peer of the carrier is gone");
    std::string line = token_.empty() ? encode(message, is_extended()) : encode(with_token(message), is_extended());
    line += '\n';
    if (line.size() > limits_.message_bytes_max)
      return fail(Code::too_large, "the message is longer than a line may be");
    if (queued_.load() >= limits_.bytes_max) return fail(Code::overloaded, "the peer of the carrier takes nothing");
    queued_ += line.size();
    if (loop_.is_own_thread()) {
      put(line);
    } else {
      loop_.post([self = shared_from_this(), line = std::move(line)] { self->put(line); });
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
  struct Flush final : Ready {
    explicit Flush(StreamLines& owner) : Ready(&Flush::run), lines(owner) {}
    static void run(Ready& node) { static_cast<Flush&>(node).lines.flush(); }
    StreamLines& lines;
  };

  CommandMessage with_token(CommandMessage message) {
    std::string quoted;
    codec::put_quoted(quoted, std::exchange(token_, {}));
    message.meta = command::with_meta_member(message.meta, command::token_key, quoted);
    return message;
  }
  // What is ready together leaves in one write.
  void put(std::string_view line) {
    if (is_write_dead_.load()) return;
    std::uint8_t* const room = out_.room(line.size());
    std::memcpy(room, line.data(), line.size());
    out_.commit(room + line.size());
    if (!is_blocked_ && !flush_.is_linked()) loop_.executor().post_after_drain(flush_);
  }
  void flush() {
    while (!out_.empty() && !is_write_dead_.load()) {
      const io::Transfer moved = stream_->write_some(out_.pending());
      if (moved.status == io::Transfer::Status::would_block) {
        is_blocked_ = true;
        stream_->want_writable();
        return;
      }
      if (moved.status == io::Transfer::Status::failed) return stop_writing();
      out_.consume(moved.bytes);
      queued_ -= moved.bytes;
    }
    if (queued_.load() * 2 <= limits_.bytes_max) writable_.set();
    if (is_closed_.load() && out_.empty() && !is_write_dead_.load()) {
      is_write_dead_ = true;
      stream_->finish();
    }
  }
  void stop_writing() {
    is_write_dead_ = true;
    out_.clear();
    writable_.set();
  }
  // What was sent still leaves.
  void end() {
    messages_.clear();
    readable_.set();
    writable_.set();
    flush();
  }

  void on_writable() override {
    is_blocked_ = false;
    flush();
  }
  void on_readable() override {
    const auto alive = shared_from_this();
    std::array<std::uint8_t, read_bytes> bytes;
    for (;;) {
      const io::Transfer moved = stream_->read_some(bytes);
      if (moved.status == io::Transfer::Status::would_block) break;
      if (moved.status != io::Transfer::Status::moved) {
        if (const auto last = reader_.rest()) take(*last);
        return end_reading(moved.status == io::Transfer::Status::failed);
      }
      take(ByteView(bytes.data(), moved.bytes));
      if (messages_.size() > unread_max) return end_reading(true);
      if (moved.bytes < bytes.size()) break;
    }
  }
  void end_reading(bool is_dead) {
    has_read_all_ = true;
    readable_.set();
    if (is_dead) stop_writing();
  }
  void take(ByteView bytes) {
    while (const auto line = reader_.next(bytes)) take(*line);
    counters_.lines_too_long = reader_.too_long();
  }
  void take(std::string_view line) {
    if (is_closed_.load()) return;
    auto parsed = command::parse(line, is_extended());
    if (std::holds_alternative<command::Malformed>(parsed)) ++counters_.messages_malformed;
    messages_.push_back(std::move(parsed));
    readable_.set();
  }

  io::Loop& loop_;
  const CarrierLimits limits_;
  std::string token_;  // until it has been said
  std::unique_ptr<io::Stream> stream_;
  LineCarrierCounters counters_;
  command::LineReader reader_;
  std::deque<ReceivedCommand> messages_;
  Event readable_;
  OutBuffer out_;
  Event writable_;
  bool is_blocked_ = false;
  bool has_read_all_ = false;
  std::atomic<bool> is_closed_ = false;
  std::atomic<bool> is_write_dead_ = false;  // or everything has been said
  std::atomic<std::size_t> queued_ = 0;      // handed to send(), and not taken by the stream
  Flush flush_{*this};
};

}  // namespace

std::shared_ptr<LineCarrier> LineCarrier::make(io::Loop& loop, std::unique_ptr<io::Stream> stream,
                                               LineCarrierOptions options) {
  return std::make_shared<StreamLines>(loop, std::move(stream), std::move(options));
}

}  // namespace parley
