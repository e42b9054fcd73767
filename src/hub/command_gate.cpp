#include "hub/command_gate.h"

#include <fmt/format.h>

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

CommandGate::CommandGate(io::Loop& loop, Registry& registry, const Gate& gate, Refuse refuse, std::size_t carriers_max)
    : loop_(loop),
      registry_(registry),
      gate_(gate),
      refuse_(std::move(refuse)),
      carriers_max_(carriers_max),
      scope_(loop) {}

void CommandGate::admit(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen,
                        std::optional<std::string> bearer, Instant until) {
  if (scope_.size() >= carriers_max_) {
    ++counters_.too_many;
    return;
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
  // Whoever says nothing is not waited for.
  struct Silence final : Timer {
    explicit Silence(LineCarrier& of) : Timer(&Silence::fire), lines(of) {}
    static void fire(Timer& timer) { static_cast<Silence&>(timer).lines.close(); }
    LineCarrier& lines;
  };
  Silence silence(*carrier);
  gate.loop_.executor().arm(silence, until);
  if (auto started = co_await carrier->start(); !started) co_return;
  auto first = co_await carrier->receive();
  silence.disarm();
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
  AttachOptions options;
  options.rights = std::make_shared<const core::Rights>(gate.gate_.policy(), *entered.principal);
  auto attached = co_await gate.registry_.attach(std::make_shared<LookedAt>(carrier, std::move(first)), options);
  if (attached) {
    ++gate.counters_.attached;
    co_await gate.registry_.detached(id);
  }
  gate.counters_.messages_malformed += carrier->counters().messages_malformed;
  gate.counters_.lines_too_long += carrier->counters().lines_too_long;
}

}  // namespace parley::hub
