#include "runtime/commands/memory_carrier.h"

namespace parley::runtime {

QueueCarrier::~QueueCarrier() {
  in_->forget_reader();
  out_->forget_writer();
}

Task<Result<void>> QueueCarrier::start() {
  if (is_closed_.load()) co_return fail(Code::closed, "the carrier");
  co_return Result<void>();
}

void QueueCarrier::close() {
  if (is_closed_.exchange(true)) return;
  out_->end_writing();
  in_->end_reading();
}

}  // namespace parley::runtime

namespace parley {

std::pair<std::shared_ptr<Carrier>, std::shared_ptr<Carrier>> carrier_pair(MemoryCarrierEnd first,
                                                                           MemoryCarrierEnd second,
                                                                           const CarrierLimits& limits) {
  auto to_first = std::make_shared<runtime::MessageQueue>(first.loop, second.loop, limits);
  auto to_second = std::make_shared<runtime::MessageQueue>(second.loop, first.loop, limits);
  return {std::make_shared<runtime::QueueCarrier>(std::move(first.id), true, to_first, to_second),
          std::make_shared<runtime::QueueCarrier>(std::move(second.id), true, to_second, to_first)};
}

}  // namespace parley
