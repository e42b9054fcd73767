#include "runtime/commands/memory_carrier.h"

#include "runtime/commands/message_queue.h"

namespace parley {

namespace {

class MemoryCarrier final : public Carrier {
 public:
  using Direction = std::shared_ptr<runtime::MessageQueue>;
  MemoryCarrier(std::string id, Direction in, Direction out)
      : Carrier(std::move(id), true), in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryCarrier() override {
    in_->forget_reader();
    out_->forget_writer();
  }

  Task<Result<void>> start() override {
    if (is_closed_) co_return fail(Code::closed, "the carrier");
    co_return Result<void>();
  }
  Result<void> send(const CommandMessage& message) override { return out_->push(message); }
  Task<void> writable() override { return out_->writable(); }
  Task<std::optional<CommandMessage>> receive() override { return in_->pop(); }
  void close() override {
    is_closed_ = true;
    out_->end_writing();
    in_->end_reading();
  }

 private:
  Direction in_;
  Direction out_;
  std::atomic<bool> is_closed_ = false;
};

}  // namespace

std::pair<std::shared_ptr<Carrier>, std::shared_ptr<Carrier>> carrier_pair(MemoryCarrierEnd first,
                                                                           MemoryCarrierEnd second,
                                                                           const CarrierLimits& limits) {
  auto to_first = std::make_shared<runtime::MessageQueue>(first.loop, second.loop, limits);
  auto to_second = std::make_shared<runtime::MessageQueue>(second.loop, first.loop, limits);
  return {std::make_shared<MemoryCarrier>(std::move(first.id), to_first, to_second),
          std::make_shared<MemoryCarrier>(std::move(second.id), to_second, to_first)};
}

}  // namespace parley
