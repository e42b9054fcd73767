#include "runtime/description_service.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "codec/json_text.h"
#include "runtime/dispatch.h"
#include "runtime/method_table.h"

namespace parley::runtime {

namespace {

class ServedDescriptions final : public Describe {
 public:
  explicit ServedDescriptions(const MethodTable* table) {
    if (table) services_ = table->services();
  }

  Task<std::vector<ServiceEntry>> services() override {
    std::vector<ServiceEntry> entries;
    for (const ServedService& one : services_) entries.push_back({one.name, std::string(one.service)});
    co_return entries;
  }

  Task<Either<codec::ServiceDescription, NoSuchService>> describe(std::string name) override {
    const auto found = std::ranges::find(services_, name, &ServedService::name);
    if (found != services_.end()) co_return found->describe();
    std::vector<std::string_view> names;
    for (const ServedService& one : services_) names.push_back(one.name);
    const std::string_view nearest = codec::nearest_name(name, names.data(), names.size());
    co_return own_error(NoSuchService{name, std::string(nearest)});
  }

 private:
  std::span<const ServedService> services_;
};

// The handlers never wait, and so they need their object no longer than this.
template <auto Pointer>
void answer(Connection& connection, const MethodTable* table, const InboundHead& head) {
  ServedDescriptions object(table);
  using Info = service::MethodInfo<Pointer>;
  const MethodEntry entry{.id = Info::id,
                          .start = &TypedCall<Pointer>::start,
                          .object = static_cast<Describe*>(&object),
                          .service = service::service_name<Describe>,
                          .name = Info::name};
  entry.start(connection, entry, head);
}

}  // namespace

bool is_builtin(std::uint64_t method) {
  return method == service::MethodInfo<&Describe::services>::id ||
         method == service::MethodInfo<&Describe::describe>::id;
}

std::string_view builtin_name(std::uint64_t method) {
  switch (method) {
    case service::MethodInfo<&Describe::services>::id: return service::MethodInfo<&Describe::services>::name;
    case service::MethodInfo<&Describe::describe>::id: return service::MethodInfo<&Describe::describe>::name;
    default: return {};
  }
}

bool answer_builtin(Connection& connection, const MethodTable* table, std::uint64_t method, const InboundHead& head) {
  switch (method) {
    case service::MethodInfo<&Describe::services>::id:
      answer<&Describe::services>(connection, table, head);
      return true;
    case service::MethodInfo<&Describe::describe>::id:
      answer<&Describe::describe>(connection, table, head);
      return true;
    default: return false;
  }
}

}  // namespace parley::runtime
