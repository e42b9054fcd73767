#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/policy.h"
#include "runtime/channel.h"
#include "runtime/client.h"
#include "runtime/conversations/conversations.h"
#include "runtime/inbound_call.h"

// Conversations over the one session that two Parley processes have. include/parley/conversation.h is how to use it.
namespace parley::builtin {

inline constexpr std::string_view conversations_name = "parley.Conversations";
// What those who provide a subject are in a directory, where it is a name.
inline constexpr std::string_view participant_class = "parley.Participant";
inline constexpr std::uint32_t heard_ahead = 64;

struct ConversationOpening {
  std::string subject;  // empty: nobody takes part before they join
  core::Conversation::OnCrash on_crash = core::Conversation::OnCrash::fail;
  std::optional<Duration> deadline = {};  // of the whole
  std::string affinity = {};              // not empty: the same one takes part for the same key
  bool is_shared = false;                 // also for others who may converse on that subject and know its number
};

// Why somebody ended who took part, and how long before this was said.
struct ParticipantEnd {
  Participant who = 0;
  std::string name = {};
  ExitReason::Kind kind = ExitReason::Kind::normal;
  std::string text = {};
  Duration ago = {};
};

// What happens in a conversation, for whoever has opened it.
struct Happening {
  enum class What : std::uint8_t { opened, moved, ended, rerouted };
  What what = What::opened;
  ConversationId conversation = 0;
  Phase phase = Phase::created;  // from now on
  ParticipantEnd end = {};       // of `ended`
  Participant to = 0;            // of `rerouted`: who has it now
  std::string name = {};         // of that one
  std::uint64_t request = 0;
  std::uint32_t missed = 0;  // happenings before this one, for which there was no room
};

// For somebody who takes part: a message, or without one that a conversation is over. With the number 0: it takes part.
struct Heard {
  ConversationId conversation = 0;
  Request request = 0;
  std::optional<Envelope> message = {};
  bool is_repeated = false;  // another one had it before
};
// The end of one of these, with a reply or without; or how it failed, which ends its part in that conversation.
struct Reply {
  ConversationId conversation = 0;
  Request request = 0;
  std::optional<Envelope> message = {};
  std::optional<std::string> failure = {};
};

// A message that came back. Without one: it was answered with nothing.
struct Received {
  Participant from = 0;
  std::string name = {};
  Request request = 0;
  std::optional<Envelope> message = {};
};

struct ConversationQuestion {
  std::string subject;
  Envelope message;
  std::string affinity = {};
  std::optional<Duration> within = {};  // else 5 s, or the deadline of the call
};
struct Reroute {
  ParticipantEnd end;          // `ago` from when it was seen
  Duration rerouted_ago = {};  // from when the next one had the message
};
struct Dispatched {
  Received reply;
  std::vector<Reroute> reroutes = {};
};

struct ConversationPart {
  Participant who = 0;
  std::string name = {};
  bool takes_messages = false;
  std::optional<ParticipantEnd> end = {};
};
struct ConversationEntry {
  ConversationId id = 0;
  std::string subject;
  Phase phase = Phase::created;
  std::vector<ConversationPart> participants = {};
  Duration age = {};
  std::optional<Duration> remaining = {};  // until its deadline
  std::uint64_t unanswered = 0;            // messages
  std::uint64_t unread = 0;                // that nobody has received
  std::uint64_t entries = 0;               // of its context, those that are not kept any more included
};
struct ContextEntry {
  std::uint64_t number = 0;
  core::Context::What what = core::Context::What::sent;
  core::Context::Outcome outcome = core::Context::Outcome::none;
  Duration ago = {};
  Participant participant = 0;  // whom it went to, came from, or who ended; 0: nobody, or several
  Request request = 0;
  std::optional<Envelope> message = {};
  std::optional<std::string> reason = {};  // of an end
};

// A conversation is known to the session that has opened it, and where it is shared to all who may converse on its
// subject; to others it is not found.
class Conversations {
 public:
  virtual ~Conversations() = default;
  // The conversation lasts until close(), or as long as this call. The first happening says its number. Errors:
  // not_found (nobody provides the subject), permission, overloaded.
  virtual Task<Result<void>> open(Context& context, ConversationOpening opening,
                                  Tx<Happening, heard_ahead> happenings) = 0;
  // The number of the request. Replies are for whoever receives any. Errors: those of core::Conversation::send().
  virtual Task<Result<std::uint64_t>> send(Context& context, ConversationId conversation, Envelope message,
                                           core::Conversation::To to) = 0;
  // Sends, and waits for the reply to that.
  virtual Task<Result<Received>> exchange(Context& context, ConversationId conversation, Envelope message,
                                          core::Conversation::To to) = 0;
  // The next message, until the deadline of the call. Errors: those of core::Conversation::receive().
  virtual Task<Result<Received>> receive(Context& context, ConversationId conversation) = 0;
  // The first crash of somebody who takes part, also of one that was before. Errors: deadline, closed.
  virtual Task<Result<ParticipantEnd>> await_crash(Context& context, ConversationId conversation) = 0;
  virtual Task<Result<void>> complete(Context& context, ConversationId conversation) = 0;
  // Errors: not_found, and why it had failed.
  virtual Task<Result<void>> close(Context& context, ConversationId conversation) = 0;

  // The caller takes part in that conversation as long as this call lasts, or until it closes its channel. With the
  // conversation the call ends. Errors: not_found, overloaded, failed (its part there did).
  virtual Task<Result<void>> join(Context& context, ConversationId conversation, std::string name,
                                  Tx<Heard, heard_ahead> heard, Rx<Reply, heard_ahead> replies) = 0;
  // The caller takes part in conversations on that subject. Errors: permission, in_use, overloaded.
  virtual Task<Result<void>> provide(Context& context, std::string subject, std::string name,
                                     Tx<Heard, heard_ahead> heard, Rx<Reply, heard_ahead> replies) = 0;

  // A conversation of one question. Errors: not_found, permission, overloaded, deadline, failed (it was answered with
  // nothing), sent_then_lost (who was asked has crashed).
  virtual Task<Result<Received>> ask(Context& context, ConversationQuestion question) = 0;
  // To one who provides the subject, until somebody has acknowledged it.
  virtual Task<Result<Dispatched>> dispatch(Context& context, ConversationQuestion question) = 0;

  // From that number on, a page; what the caller may know.
  virtual Task<std::vector<ConversationEntry>> list(Context& context, ConversationId from) = 0;
  // From that entry on, a page. Errors: not_found.
  virtual Task<Result<std::vector<ContextEntry>>> context(Context& context, ConversationId conversation,
                                                          std::uint64_t from) = 0;
};
PARLEY_SERVICE(Conversations, (open, args(opening, happenings), describe("a conversation, as long as this lasts")),
               (send, args(conversation, message, to), describe("say something")),
               (exchange, args(conversation, message, to), describe("say something and wait for the reply")),
               (receive, args(conversation), describe("the next message")),
               (await_crash, args(conversation), describe("who crashes, and when")),
               (complete, args(conversation), describe("nothing more will be said")),
               (close, args(conversation), describe("end it")),
               (join, args(conversation, name, heard, replies), describe("take part")),
               (provide, args(subject, name, heard, replies), describe("take part in conversations on a subject")),
               (ask, args(question), describe("a conversation of one question")),
               (dispatch, args(question), describe("until somebody has acknowledged it")),
               (list, args(from), describe("the conversations that are open"), idempotent),
               (context, args(conversation, from), describe("what was said in one"), idempotent));

}  // namespace parley::builtin

namespace parley {

// What a place knows of those who call parley.Conversations.
class ConversationsAccess {
 public:
  virtual ~ConversationsAccess() = default;
  // Errors: permission, closed.
  virtual Result<void> may(const runtime::Session& session, core::Verb verb, std::string_view name) = 0;
  // Whether it may know of what others have opened.
  virtual bool sees_all(const runtime::Session& session) = 0;
  // A number of the session alone, and who it is.
  virtual Conversations::Owner owner(const runtime::Session& session) = 0;
  virtual std::string principal(const runtime::Session& session) = 0;
  // It provides that subject as long as what is returned lives. Errors: those of a directory.
  virtual Result<std::shared_ptr<void>> offer(const runtime::Session& session, std::string_view subject) = 0;
};

// Of a server: whoever calls may converse and provide.
std::shared_ptr<ConversationsAccess> free_access();

// parley.Conversations for Services::serve(). What it shares with its handlers outlives it.
class ConversationsService final : public builtin::Conversations {
 public:
  ConversationsService(std::shared_ptr<parley::Conversations> conversations,
                       std::shared_ptr<ConversationsAccess> access)
      : conversations_(std::move(conversations)), access_(std::move(access)) {}

  Task<Result<void>> open(Context& context, builtin::ConversationOpening opening,
                          Tx<builtin::Happening, builtin::heard_ahead> happenings) override;
  Task<Result<std::uint64_t>> send(Context& context, ConversationId conversation, Envelope message,
                                   core::Conversation::To to) override;
  Task<Result<builtin::Received>> exchange(Context& context, ConversationId conversation, Envelope message,
                                           core::Conversation::To to) override;
  Task<Result<builtin::Received>> receive(Context& context, ConversationId conversation) override;
  Task<Result<builtin::ParticipantEnd>> await_crash(Context& context, ConversationId conversation) override;
  Task<Result<void>> complete(Context& context, ConversationId conversation) override;
  Task<Result<void>> close(Context& context, ConversationId conversation) override;
  Task<Result<void>> join(Context& context, ConversationId conversation, std::string name,
                          Tx<builtin::Heard, builtin::heard_ahead> heard,
                          Rx<builtin::Reply, builtin::heard_ahead> replies) override;
  Task<Result<void>> provide(Context& context, std::string subject, std::string name,
                             Tx<builtin::Heard, builtin::heard_ahead> heard,
                             Rx<builtin::Reply, builtin::heard_ahead> replies) override;
  Task<Result<builtin::Received>> ask(Context& context, builtin::ConversationQuestion question) override;
  Task<Result<builtin::Dispatched>> dispatch(Context& context, builtin::ConversationQuestion question) override;
  Task<std::vector<builtin::ConversationEntry>> list(Context& context, ConversationId from) override;
  Task<Result<std::vector<builtin::ContextEntry>>> context(Context& context, ConversationId conversation,
                                                           std::uint64_t from) override;

 private:
  using Seen = parley::Conversations::Seen;
  bool may_know(const runtime::Session& session, const Seen& seen, bool is_looking) const;
  Result<Seen> find(const Context& context, ConversationId conversation, bool is_looking = false) const;
  Result<void> may(const Context& context, core::Verb verb, std::string_view subject) const;
  Envelope signed_by(const Context& context, Envelope message) const;

  const std::shared_ptr<parley::Conversations> conversations_;
  const std::shared_ptr<ConversationsAccess> access_;
};

}  // namespace parley
