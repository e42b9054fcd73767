#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hub/services.h"
#include "runtime/conversations/conversations_service.h"

namespace parley::hub {

// What the visitors of a hub may do with conversations. Handlers keep it beyond the hub, of which it then knows
// nothing.
class HubConversationsAccess final : public ConversationsAccess,
                                     public std::enable_shared_from_this<HubConversationsAccess> {
 public:
  explicit HubConversationsAccess(HubState& hub) : hub_(&hub) {}
  void forget_hub() { hub_ = nullptr; }

  Result<void> may(const runtime::Session& session, core::Verb verb, std::string_view name) override;
  bool sees_all(const runtime::Session& session) override;
  Conversations::Owner owner(const runtime::Session& session) override;
  std::string principal(const runtime::Session& session) override;
  // A name in the directory, by which the provider is found in lists.
  Result<std::shared_ptr<void>> offer(const runtime::Session& session, std::string_view subject) override;

 private:
  class Offered;
  const Visitor* visitor_of(const runtime::Session& session) const;
  HubState* hub_;
};

}  // namespace parley::hub
