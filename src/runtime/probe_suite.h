#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/client.h"
#include "runtime/dispatch.h"

// The service that the tests of the runtime call: one method for each way in which a handler may behave.
namespace parley::runtime::suite {

enum class MathError : std::uint8_t { division_by_zero, overflow };

struct Numbers {
  Rx<std::int32_t> in;
};
struct Words {
  std::string title;
  Tx<std::string> out;
};
struct Nested {
  Numbers numbers;
  std::optional<Tx<std::string>> maybe;
  std::variant<Numbers, Words> either;
};

// How many of them are alive.
class Alive {
 public:
  explicit Alive(int& count) : count_(&count) { ++*count_; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count_; }

 private:
  int* count_;
};

class Probe {
 public:
  Task<std::int64_t> add(std::int64_t a, std::int64_t b) {
    ++calls;
    co_return a + b;
  }
  Task<Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) {
    if (b == 0) co_return own_error(MathError::division_by_zero);
    co_return a / b;
  }
  Task<Result<std::int64_t>> refuse(std::uint32_t code, std::string note) {
    co_return fail(static_cast<Code>(code), std::move(note));
  }
  Task<Result<Either<std::int64_t, MathError>>> judge(std::uint8_t how) {
    if (how == 0) co_return Either<std::int64_t, MathError>(7);
    if (how == 1) co_return Either<std::int64_t, MathError>(own_error(MathError::overflow));
    co_return fail(Code::permission, "not for you");
  }
  Task<void> blow_up(std::string text, bool is_late) {
    if (is_late) co_await Yield();
    throw std::runtime_error(text);
  }
  Task<std::string> echo(std::string text) { co_return text; }
  Task<std::string> repeat(std::string text, std::uint32_t count) {
    std::string all;
    for (std::uint32_t i = 0; i < count; ++i) all += text;
    co_return all;
  }
  // Until the test sets `release`.
  Task<std::string> hang(std::string name) {
    ++calls;
    const Alive alive(hanging);
    co_await release.wait();
    co_return name;
  }
  // Tells the value of a metadata key and answers with another.
  Task<std::string> inspect(Context& context, std::string key, bool is_late) {
    deadline_seen = context.deadline();
    metadata_seen = context.metadata();
    peer_seen = context.peer().address;
    if (is_late) {
      const Alive alive(hanging);
      co_await release.wait();
    }
    const std::string* text = context.metadata().find_text(key);
    context.reply_metadata() = reply_extra;
    context.reply_metadata().add("found", std::uint64_t{text != nullptr});
    co_return text ? *text : std::string();
  }
  // Says what is to be done should it be stopped, as the test wants it, and hangs.
  Task<std::string> guarded(Context& context, std::string name) {
    const Alive alive(hanging);
    if (on_guarded) on_guarded(context);
    co_await release.wait();
    co_return name;
  }
  Task<std::int64_t> sum(Rx<std::int32_t> numbers) {
    const Alive alive(hanging);
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    if (numbers.error()) sum_error = *numbers.error();
    co_return total;
  }
  Task<void> generate(std::uint32_t count, Tx<std::int32_t, 256> out) {
    const Alive alive(hanging);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (auto sent = co_await out.send(static_cast<std::int32_t>(i)); !sent) {
        generate_error = sent.error();
        co_return;
      }
    }
    out.close();
  }
  // Handles that outlive the response.
  Task<void> keep_tx(Tx<std::int32_t> out) {
    kept_tx = std::move(out);
    co_return;
  }
  Task<void> keep_rx(Rx<std::int32_t> in) {
    kept_rx = std::move(in);
    co_return;
  }
  Task<void> keep_zero(Rx<std::int32_t, 0> in, Tx<std::int32_t, 0> out) {
    kept_zero_rx = std::move(in);
    kept_zero_tx = std::move(out);
    co_return;
  }
  Task<void> keep_text(Tx<std::string, 256> out) {
    kept_text = std::move(out);
    co_return;
  }
  Task<std::string> both(Nested nested, Tx<std::int32_t> last) {
    kept_nested = std::move(nested);
    kept_tx = std::move(last);
    co_return "kept";
  }
  // Whatever the test wants.
  Task<std::int64_t> custom(std::int64_t number) {
    ++calls;
    if (!on_custom) co_return number;
    co_return co_await on_custom(number);
  }
  Task<std::string> view(std::string_view text) {
    if (text.starts_with("wait")) co_await release.wait();
    co_return std::string(text);
  }

  int calls = 0;
  int hanging = 0;
  Event release;
  std::optional<Instant> deadline_seen;
  Metadata metadata_seen;
  Metadata reply_extra;
  std::string peer_seen;
  std::optional<Error> sum_error;
  std::optional<Error> generate_error;
  std::optional<Tx<std::int32_t>> kept_tx;
  std::optional<Rx<std::int32_t>> kept_rx;
  std::optional<Rx<std::int32_t, 0>> kept_zero_rx;
  std::optional<Tx<std::int32_t, 0>> kept_zero_tx;
  std::optional<Tx<std::string, 256>> kept_text;
  std::optional<Nested> kept_nested;
  std::move_only_function<Task<std::int64_t>(std::int64_t)> on_custom;
  std::move_only_function<void(Context&)> on_guarded;
};
PARLEY_SERVICE(Probe, (add, args(a, b), idempotent), divide, refuse, judge, blow_up, echo, repeat, hang, inspect,
               guarded, sum, generate, keep_tx, keep_rx, keep_zero, keep_text, both, custom, view);

// What nobody serves.
class Absent {
 public:
  Task<std::int64_t> missing(std::int64_t number) { co_return number; }
  Task<void> missing_channels(Rx<std::int32_t> in, Tx<std::int32_t> out) {
    static_cast<void>(in);
    static_cast<void>(out);
    co_return;
  }
};
PARLEY_SERVICE(Absent, missing, missing_channels);

}  // namespace parley::runtime::suite
