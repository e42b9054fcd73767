#include "hub/conversations_access.h"

#include <utility>

namespace parley::hub {

class HubConversationsAccess::Offered {
 public:
  Offered(std::shared_ptr<HubConversationsAccess> access, std::uint64_t provider, std::string subject)
      : access_(std::move(access)), provider_(provider), subject_(std::move(subject)) {}
  Offered(const Offered&) = delete;
  Offered& operator=(const Offered&) = delete;
  ~Offered() {
    if (access_->hub_) access_->hub_->names().withdraw(provider_, subject_);
  }

 private:
  std::shared_ptr<HubConversationsAccess> access_;
  std::uint64_t provider_;
  std::string subject_;
};

const Visitor* HubConversationsAccess::visitor_of(const runtime::Session& session) const {
  return hub_ ? hub_->visitor_of(session) : nullptr;
}

Result<void> HubConversationsAccess::may(const runtime::Session& session, core::Verb verb, std::string_view name) {
  const Visitor* const visitor = visitor_of(session);
  if (!visitor) return fail(Code::closed, "the session");
  return hub_->check(*visitor, verb, name);
}

bool HubConversationsAccess::sees_all(const runtime::Session& session) {
  const Visitor* const visitor = visitor_of(session);
  return visitor && visitor->rights().may(core::Verb::operate, builtin::conversations_name);
}

Conversations::Owner HubConversationsAccess::owner(const runtime::Session& session) {
  const Visitor* const visitor = visitor_of(session);
  return visitor ? visitor->id() : 0;
}

std::string HubConversationsAccess::principal(const runtime::Session& session) {
  const Visitor* const visitor = visitor_of(session);
  return visitor ? to_string(visitor->rights().principal()) : std::string();
}

Result<std::shared_ptr<void>> HubConversationsAccess::offer(const runtime::Session& session, std::string_view subject) {
  const Visitor* const visitor = visitor_of(session);
  if (!visitor) return fail(Code::closed, "the session");
  core::Offer offer{.name = std::string(subject), .service = std::string(builtin::participant_class)};
  PARLEY_TRY(hub_->offer(*visitor, std::move(offer)));
  return std::make_shared<Offered>(shared_from_this(), visitor->id(), std::string(subject));
}

}  // namespace parley::hub
