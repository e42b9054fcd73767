#pragma once

#include <string>

#include "runtime/conversations/conversations.h"

namespace parley::cli {

// Says again what it hears, in conversations about its subject: to try things out. Outlived by the conversations.
class Echo final : private Party {
 public:
  static constexpr std::string_view name = "echo";

  explicit Echo(Conversations& conversations)
      : conversations_(conversations), who_(conversations.add(*this, std::string(name)).value()) {}
  ~Echo() { conversations_.exited(who_, {}, conversations_.executor().now()); }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  // Errors: in_use, overloaded.
  Result<void> provide(std::string subject) { return conversations_.provide(std::move(subject), who_); }

 private:
  void on_message(Message message) override {
    Envelope reply = *message.content;
    reply.publisher = name;
    reply.parent = message.content->id;
    reply.id.clear();
    conversations_.replied(who_, message.conversation, message.request, std::move(reply));
  }
  void on_over(ConversationId) override {}

  Conversations& conversations_;
  const Participant who_;
};

}  // namespace parley::cli
