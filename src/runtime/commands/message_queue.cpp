#include "runtime/commands/message_queue.h"

#include <variant>

#include "core/directory/commands.h"

namespace parley::runtime {

namespace command = wire::command;

std::size_t MessageQueue::bytes_of(const ReceivedCommand& received) {
  if (const auto* message = std::get_if<CommandMessage>(&received)) return bytes_of(*message);
  const auto& malformed = std::get<command::Malformed>(received);
  return sizeof received + malformed.id.size() + malformed.error.note.size();
}

std::size_t MessageQueue::bytes_of(const CommandMessage& message) {
  std::size_t bytes = sizeof message + message.id.size() + message.meta.size() + message.rest.size();
  if (const auto* body = std::get_if<command::ExecuteRequest>(&message.body)) bytes += body->request.size();
  if (const auto* body = std::get_if<command::ExecuteResponse>(&message.body)) {
    bytes += body->result.size() + (body->error ? body->error->message.size() : 0);
  }
  if (const auto* body = std::get_if<command::Event>(&message.body)) bytes += body->payload.size();
  if (const auto* body = std::get_if<command::Progress>(&message.body)) bytes += body->content.size();
  if (const auto* body = std::get_if<command::RegisterRequest>(&message.body))
    bytes += core::Commands::bytes_of(body->command);
  if (const auto* body = std::get_if<command::ListResponse>(&message.body)) {
    for (const command::Definition& each : body->commands) bytes += core::Commands::bytes_of(each);
  }
  return bytes;
}

// With the lock held. Elsewhere the event is set on its own loop.
void MessageQueue::wake(io::Loop* loop, Side& side) {
  if (!loop || !side.waits) return;
  side.waits = false;
  if (loop->is_own_thread()) return side.event.set();
  loop->post([queue = shared_from_this(), &side] { side.event.set(); });
}

template <class T>
Result<void> MessageQueue::put(T&& message) {
  const std::scoped_lock lock(mutex_);
  if (is_writing_over_) return fail(Code::closed, "the carrier");
  if (!reading_) return fail(Code::link_lost, "there is no other end of the carrier any more");
  if (is_reading_over_) return {};
  const std::size_t bytes = bytes_of(message);
  if (bytes > limits_.message_bytes_max + sizeof message) {
    return fail(Code::too_large, "it is longer than a message of the carrier may be");
  }
  if (is_full()) return fail(Code::overloaded, "the peer of the carrier takes nothing");
  bytes_ += bytes;
  messages_.emplace_back(std::forward<T>(message));
  wake(reading_, reader_);
  return {};
}
template Result<void> MessageQueue::put(CommandMessage&&);
template Result<void> MessageQueue::put(ReceivedCommand&&);

Task<std::optional<ReceivedCommand>> MessageQueue::pop() {
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (is_reading_over_) co_return std::nullopt;
      if (!messages_.empty()) {
        std::optional<ReceivedCommand> message = std::move(messages_.front());
        messages_.pop_front();
        bytes_ -= bytes_of(*message);
        if (has_room()) wake(writing_, writer_);
        co_return message;
      }
      if (is_writing_over_) co_return std::nullopt;
      reader_.waits = true;
      reader_.event.reset();
    }
    co_await reader_.event.wait();
  }
}

Task<void> MessageQueue::writable() {
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (has_room() || is_reading_over_ || is_writing_over_ || !reading_) co_return;
      writer_.waits = true;
      writer_.event.reset();
    }
    co_await writer_.event.wait();
  }
}

void MessageQueue::end_writing() {
  const std::scoped_lock lock(mutex_);
  is_writing_over_ = true;
  wake(reading_, reader_);
  wake(writing_, writer_);
}

void MessageQueue::end_reading() {
  const std::scoped_lock lock(mutex_);
  is_reading_over_ = true;
  messages_.clear();
  bytes_ = 0;
  wake(reading_, reader_);
  wake(writing_, writer_);
}

void MessageQueue::forget_reader() {
  end_reading();
  const std::scoped_lock lock(mutex_);
  reading_ = nullptr;
}

void MessageQueue::forget_writer() {
  end_writing();
  const std::scoped_lock lock(mutex_);
  writing_ = nullptr;
}

std::size_t MessageQueue::size() const {
  const std::scoped_lock lock(mutex_);
  return messages_.size();
}

}  // namespace parley::runtime
