#include "hub/command_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "async/wait.h"
#include "codec/json_object.h"
#include "wire/command/meta.h"

namespace parley::hub {

namespace command = wire::command;

namespace {

// A carrier whose first message has been looked at.
class LookedAt final : public Carrier {
 public:
  LookedAt(std::shared_ptr<LineCarrier> inner, std::optional<ReceivedCommand> first)
      : Carrier(inner->id(), inner->is_extended()), inner_(std::move(inner)), first_(std::move(first)) {}

  // It was started to be looked at.
  Task<Result<void>> start() override { co_return Result<void>(); }
  Result<void> send(const CommandMessage& message) override { return inner_->send(message); }
  Task<void> writable() override { return inner_->writable(); }
  Task<std::optional<ReceivedCommand>> receive() override {
    if (first_) co_return std::exchange(first_, std::nullopt);
    co_return co_await inner_->receive();
  }
  void close() override {
    first_.reset();
    inner_->close();
  }

 private:
  std::shared_ptr<LineCarrier> inner_;
  std::optional<ReceivedCommand> first_;
};

// Takes the token out of a message, so that nobody behind sees it.
std::optional<std::string> take_token(std::optional<ReceivedCommand>& received) {
  auto* const message = received ? std::get_if<CommandMessage>(&*received) : nullptr;
  if (!message) return std::nullopt;
  const std::string said = command::meta_member(message->meta, command::token_key);
  if (said.empty() || codec::json_kind(said) != codec::JsonKind::string) return std::nullopt;
  message->meta = command::with_meta_member(message->meta, command::token_key, {});
  return codec::json_string(said);
}

}  // namespace

// Until it has said something, for which it has so long.
class CommandGate::Newcomer final : private Timer {
 public:
  Newcomer(CommandGate& gate, LineCarrier& lines, Instant until) : Timer(&Newcomer::fire), gate_(gate), lines_(lines) {
    gate_.newcomers_.emplace(number_, &lines_);
    gate_.loop_.executor().arm(*this, until);
  }
  ~Newcomer() { gate_.newcomers_.erase(number_); }
  Newcomer(const Newcomer&) = delete;
  Newcomer& operator=(const Newcomer&) = delete;

 private:
  static void fire(Timer& timer) { static_cast<Newcomer&>(timer).lines_.close(); }
  CommandGate& gate_;
  LineCarrier& lines_;
  const std::uint64_t number_ = ++gate_.last_;
};

// Who was let in, while he is.
class CommandGate::Attached {
 public:
  explicit Attached(CommandGate& gate) : gate_(gate) { ++gate_.attached_; }
  ~Attached() { --gate_.attached_; }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  CommandGate& gate_;
};

CommandGate::CommandGate(io::Loop& loop, Registry& registry, const Gate& gate, Refuse refuse, Bounds bounds)
    : loop_(loop), registry_(registry), gate_(gate), refuse_(std::move(refuse)), bounds_(bounds), scope_(loop) {}

void CommandGate::admit(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen,
                        std::optional<std::string> bearer, Instant until) {
  if (newcomers_.size() >= std::max<std::size_t>(bounds_.newcomers_max, 1)) {
    ++counters_.pushed_out;
    newcomers_.begin()->second->close();
    newcomers_.erase(newcomers_.begin());
  }
  std::string id = fmt::format("lines-{}", ++last_);
  LineCarrierOptions options{.id = std::move(id)};
  if (!seen && !bearer) options.first_bytes_max = Limits().opening_bytes_max;
  auto carrier = LineCarrier::make(loop_, std::move(stream), std::move(options));
  scope_.spawn(serve(*this, std::move(carrier), std::move(seen), std::move(bearer), until));
}

Task<void> CommandGate::serve(CommandGate& gate, std::shared_ptr<LineCarrier> carrier,
                              std::optional<core::Principal> seen, std::optional<std::string> bearer, Instant until) {
  const std::string id = carrier->id();
  std::optional<ReceivedCommand> first;
  {
    const Newcomer newcomer(gate, *carrier, until);
    if (auto started = co_await carrier->start(); !started) co_return;
    first = co_await carrier->receive();
  }
  if (!first) co_return;
  if (auto token = take_token(first)) bearer = std::move(token);
  const Gate::Entry entered =
      gate.gate_.enter_by(bearer ? std::optional<std::string_view>(*bearer) : std::nullopt, seen);
  if (!entered.principal) {
    ++gate.counters_.refused;
    gate.refuse_(seen, carrier->peer(), entered.refusal);
    carrier->close();
    co_return;
  }
  if (gate.attached_ >= gate.bounds_.carriers_max) {
    ++gate.counters_.too_many;
    carrier->close();
    co_return;
  }
  const Attached attached_here(gate);
  AttachOptions options;
  options.rights = std::make_shared<const core::Rights>(gate.gate_.policy(), *entered.principal);
  auto looked_at = std::make_shared<LookedAt>(carrier, std::move(first));
  auto attached = co_await gate.registry_.attach(std::move(looked_at), std::move(options));
  if (attached) {
    ++gate.counters_.attached;
    co_await gate.registry_.detached(id);
  }
  gate.counters_.messages_malformed += carrier->counters().messages_malformed;
  gate.counters_.lines_too_long += carrier->counters().lines_too_long;
}

}  // namespace parley::hub
