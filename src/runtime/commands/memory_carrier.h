#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/loop.h"
#include "runtime/commands/carrier.h"
#include "runtime/commands/message_queue.h"

namespace parley::runtime {

// A carrier whose two directions are queues.
class QueueCarrier : public Carrier {
 public:
  using Direction = std::shared_ptr<MessageQueue>;
  QueueCarrier(std::string id, bool is_extended, Direction in, Direction out)
      : Carrier(std::move(id), is_extended), in_(std::move(in)), out_(std::move(out)) {}
  ~QueueCarrier() override;

  Task<Result<void>> start() override;
  Result<void> send(const CommandMessage& message) override { return give(CommandMessage(message)); }
  Result<void> give(CommandMessage&& message) override { return out_->push(std::move(message)); }
  // Also of what was no message.
  Result<void> pass(ReceivedCommand&& received) { return out_->push(std::move(received)); }
  Task<void> writable() override { return out_->writable(); }
  Task<std::optional<ReceivedCommand>> receive() override { return in_->pop(); }
  void close() override;

 protected:
  bool is_closed() const { return is_closed_.load(); }

 private:
  Direction in_;
  Direction out_;
  std::atomic<bool> is_closed_ = false;
};

}  // namespace parley::runtime

namespace parley {

// What one end of a pair is called by its owner: the id is that of the other side.
struct MemoryCarrierEnd {
  io::Loop& loop;
  std::string id;
};

// Two ends that are connected in memory, each on its own loop, which may be the same: messages pass as they are. An end
// dies before its loop.
std::pair<std::shared_ptr<Carrier>, std::shared_ptr<Carrier>> carrier_pair(MemoryCarrierEnd first,
                                                                           MemoryCarrierEnd second,
                                                                           const CarrierLimits& limits = {});

}  // namespace parley
