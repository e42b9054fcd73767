#include "runtime/services.h"

#include "core/directory/name.h"

namespace parley {

Result<void> Services::check_name(const std::string& name) { return core::check_name(name); }

std::vector<core::Offer> Services::offers() const {
  std::vector<core::Offer> all;
  for (const auto& [name, methods] : table_.all_named()) {
    core::Offer& offer = all.emplace_back();
    offer.name = name;
    offer.exclusive = exclusive_.contains(name);
    for (const runtime::MethodEntry& entry : methods.entries()) {
      offer.service = entry.service;
      offer.method_ids.push_back(entry.id);
    }
  }
  return all;
}

std::vector<std::string> Services::names() const {
  std::vector<std::string> names;
  for (const runtime::ServedService& one : table_.services()) names.push_back(one.name);
  return names;
}

}  // namespace parley
