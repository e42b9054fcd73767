#include "core/directory/commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/directory/name.h"

namespace parley::core {

using wire::command::Definition;

std::size_t Commands::bytes_of(const Definition& definition) {
  return definition.id.size() + (definition.description ? definition.description->size() : 0) +
         definition.schema.size() + definition.rest.size();
}

const Commands::Provided* Commands::find(std::string_view id) const {
  const auto found = commands_.find(id);
  return found == commands_.end() ? nullptr : &found->second.front();
}

const Definition* Commands::find(std::string_view id, Owner owner) const {
  const auto found = commands_.find(id);
  if (found == commands_.end()) return nullptr;
  const auto provided = std::ranges::find(found->second, owner, &Provided::owner);
  return provided == found->second.end() ? nullptr : &provided->definition;
}

Result<void> Commands::check_room(const Share& share, std::size_t bytes, bool needs_place) const {
  if (needs_place && commands_.size() >= bounds_.commands_max) {
    return fail(Code::overloaded, fmt::format("{} commands", bounds_.commands_max));
  }
  if (share.count > bounds_.commands_per_owner_max) {
    return fail(Code::overloaded, fmt::format("{} commands of one provider", bounds_.commands_per_owner_max));
  }
  if (bytes > bounds_.definition_bytes_max) {
    return fail(Code::overloaded, fmt::format("a command says of itself at most {} bytes, and these are {}",
                                              bounds_.definition_bytes_max, bytes));
  }
  if (share.bytes > bounds_.owner_bytes_max) {
    return fail(Code::overloaded,
                fmt::format("{} bytes that the commands of one provider say of themselves", bounds_.owner_bytes_max));
  }
  return {};
}

Result<Commands::Added> Commands::add(Owner owner, Definition definition) {
  PARLEY_TRY(check_name(definition.id));
  const auto found = commands_.find(definition.id);
  Provided* old = nullptr;
  if (found != commands_.end()) {
    const auto own = std::ranges::find(found->second, owner, &Provided::owner);
    if (own != found->second.end()) old = &*own;
  }
  const auto before = shares_.find(owner);
  Share share = before == shares_.end() ? Share() : before->second;
  const std::size_t bytes = bytes_of(definition);
  share.bytes += bytes - (old ? bytes_of(old->definition) : 0);
  share.count += old ? 0 : 1;
  PARLEY_TRY(check_room(share, bytes, found == commands_.end() && owner != here));
  shares_[owner] = share;
  if (old) {
    old->definition = std::move(definition);
    return Added::refreshed;
  }
  auto& provided = commands_[definition.id];
  provided.push_back({owner, std::move(definition)});
  return provided.size() == 1 ? Added::owns : Added::stands_by;
}

Commands::Removed Commands::remove(Owner owner, std::string_view id) {
  const auto found = commands_.find(id);
  if (found == commands_.end()) return {};
  auto& provided = found->second;
  const auto own = std::ranges::find(provided, owner, &Provided::owner);
  if (own == provided.end()) return {};
  const auto share = shares_.find(owner);
  share->second.bytes -= bytes_of(own->definition);
  if (--share->second.count == 0) shares_.erase(share);
  Removed removed{.id = std::string(id), .was_owner = own == provided.begin()};
  provided.erase(own);
  if (provided.empty()) {
    commands_.erase(found);
  } else {
    removed.next = &provided.front();
  }
  return removed;
}

std::vector<std::string> Commands::names_of(Owner owner) const {
  std::vector<std::string> names;
  if (!shares_.contains(owner)) return names;
  for (const auto& [id, provided] : commands_) {
    if (std::ranges::any_of(provided, [&](const Provided& each) { return each.owner == owner; })) names.push_back(id);
  }
  return names;
}

}  // namespace parley::core
