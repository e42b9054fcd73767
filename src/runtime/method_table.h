#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/connection.h"
#include "runtime/interceptor.h"

namespace parley::codec {
struct ServiceDescription;
}

namespace parley::runtime {

// One method that is served: how a call of it is started on its object.
struct MethodEntry {
  using Start = void (*)(Connection&, const MethodEntry&, const InboundHead&);
  std::uint64_t id = 0;
  Start start = nullptr;
  void* object = nullptr;
  std::string_view service;
  std::string_view name;
};

// A name under which a service is served, and how that describes itself when somebody asks.
struct ServedService {
  std::string name;
  std::string_view service;  // its class
  codec::ServiceDescription (*describe)() = nullptr;
};

// Method ids -> what is served. Built before it is used by sessions, shared by all of them, outlives them.
class MethodTable {
 public:
  // All or none: two methods of one id are refused, and both are named.
  Result<void> add(std::span<const MethodEntry> entries);
  Result<void> add(const MethodEntry& entry) { return add({&entry, 1}); }
  // The methods of one served object, which connections choose by its name; they are also added here, where the root
  // finds them. Errors: in_use, for a name or a method that is here already.
  Result<void> add(std::string name, MethodTable methods);
  const MethodTable* named(std::string_view name) const;
  const std::map<std::string, MethodTable, std::less<>>& all_named() const { return named_; }
  std::vector<MethodEntry> entries() const;
  void list(ServedService service) { services_.push_back(std::move(service)); }
  std::span<const ServedService> services() const { return services_; }
  // Who gets the calls whose method is not here, with its id in a copy of this entry; one at most.
  Result<void> set_rest(const MethodEntry& entry);
  const MethodEntry& rest() const { return rest_; }
  // Sees all calls that come to what is here, behind those that were added before.
  void intercept(std::shared_ptr<Interceptor> interceptor);
  const Interceptors& interceptors() const { return *interceptors_; }

  const MethodEntry* find(std::uint64_t id) const {
    for (std::size_t at = home(id);; at = (at + 1) & mask_) {
      const MethodEntry& entry = slots_[at];
      if (entry.id == id && entry.start) [[likely]]
        return &entry;
      if (!entry.start) return nullptr;
    }
  }
  std::size_t size() const { return size_; }

 private:
  // Ids are hash values already.
  std::size_t home(std::uint64_t id) const { return static_cast<std::size_t>(id) & mask_; }
  void place(const MethodEntry& entry);
  void rebuild(std::size_t capacity);

  std::vector<MethodEntry> slots_{1};  // a power of two; at least one is free, where a search ends
  std::size_t mask_ = 0;
  MethodEntry rest_;
  std::vector<ServedService> services_;
  std::size_t size_ = 0;
  std::map<std::string, MethodTable, std::less<>> named_;
  std::shared_ptr<Interceptors> interceptors_ = std::make_shared<Interceptors>();  // of the tables in here, too
};

}  // namespace parley::runtime
