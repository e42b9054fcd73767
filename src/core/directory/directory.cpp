#include "core/directory/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/directory/name.h"

namespace parley::core {

// Of more names none is proposed instead of one that nobody provides.
static constexpr std::size_t names_compared_max = 256;

Result<void> Directory::check(const Offer& offer, const std::vector<Provided>& others, ProviderId provider) const {
  for (const Provided& other : others) {
    if (other.provider == provider) return fail(Code::invalid, fmt::format("\"{}\" is offered twice", offer.name));
    if (other.offer.exclusive) {
      return fail(Code::in_use, fmt::format("\"{}\" is offered exclusively by somebody else", offer.name));
    }
    if (offer.exclusive) {
      return fail(Code::in_use, fmt::format("\"{}\" is wanted exclusively, and offered by {}", offer.name,
                                            others.size() == 1 ? "somebody" : "others"));
    }
    if (other.offer.service != offer.service) {
      return fail(Code::in_use, fmt::format("\"{}\" is a {} elsewhere, and a {} here", offer.name, other.offer.service,
                                            offer.service));
    }
  }
  return {};
}

Result<void> Directory::offer(ProviderId provider, Offer offer, const Rights& rights) {
  PARLEY_TRY(check_name(offer.name));
  if (is_built_in(offer.name)) return fail(Code::invalid, fmt::format("\"{}\" is a name of the hub's own", offer.name));
  PARLEY_TRY(rights.check(Verb::offer, offer.name));
  if (codec::to_line(offer.service, name_bytes_max) != offer.service) {
    return fail(Code::invalid,
                fmt::format("the class of \"{}\" has a name of more than {} bytes, or with control characters",
                            offer.name, name_bytes_max));
  }
  if (offer.method_ids.size() > bounds_.methods_per_offer_max) {
    return fail(Code::overloaded,
                fmt::format("\"{}\" has more than {} methods", offer.name, bounds_.methods_per_offer_max));
  }
  if (commands_.has(offer.name)) return fail(Code::in_use, fmt::format("\"{}\" is a command", offer.name));
  const auto found = names_.find(offer.name);
  if (found != names_.end()) PARLEY_TRY(check(offer, found->second, provider));
  if (found == names_.end() && names_.size() >= bounds_.names_max) {
    return fail(Code::overloaded, fmt::format("{} names are offered", bounds_.names_max));
  }
  Provider& by = providers_[provider];
  if (by.names.size() >= bounds_.offers_per_provider_max) {
    return fail(Code::overloaded, fmt::format("{} names of one provider", bounds_.offers_per_provider_max));
  }
  by.names.push_back(offer.name);
  for (const std::uint64_t method : offer.method_ids) {
    std::vector<std::string>& names = methods_[method];
    if (std::ranges::find(names, offer.name) == names.end()) names.push_back(offer.name);
  }
  names_[offer.name].push_back({provider, std::move(offer)});
  return {};
}

// Methods of a name that nobody offers any more are found no more.
void Directory::forget(ProviderId provider, const std::string& name) {
  const auto found = names_.find(name);
  PARLEY_ASSERT(found != names_.end(), name);
  std::vector<Provided>& all = found->second;
  const auto mine = std::ranges::find(all, provider, &Provided::provider);
  PARLEY_ASSERT(mine != all.end(), name);
  const Offer gone = std::move(mine->offer);
  all.erase(mine);
  for (const std::uint64_t method : gone.method_ids) {
    const bool is_left = std::ranges::any_of(all, [&](const Provided& other) {
      return std::ranges::find(other.offer.method_ids, method) != other.offer.method_ids.end();
    });
    const auto names = methods_.find(method);
    if (is_left || names == methods_.end()) continue;
    std::erase(names->second, name);
    if (names->second.empty()) methods_.erase(names);
  }
  if (all.empty()) names_.erase(found);
}

bool Directory::withdraw(ProviderId provider, std::string_view name) {
  const auto by = providers_.find(provider);
  if (by == providers_.end()) return false;
  const auto at = std::ranges::find(by->second.names, name);
  if (at == by->second.names.end()) return false;
  forget(provider, *at);
  by->second.names.erase(at);
  return true;
}

void Directory::drop(ProviderId provider) {
  const auto by = providers_.find(provider);
  if (by == providers_.end()) return;
  for (const std::string& name : by->second.names) forget(provider, name);
  providers_.erase(by);
}

Directory::Choice Directory::choose_among(const std::string& name, std::vector<Provided>& providers) {
  Provided& chosen = *std::ranges::min_element(providers, {}, [&](const Provided& each) {
    return std::pair(providers_.at(each.provider).load, each.chosen_at);
  });
  chosen.chosen_at = ++choices_;
  return {chosen.provider, name};
}

Result<Directory::Choice> Directory::choose(std::string_view name, const Rights& rights) {
  const auto found = names_.find(name);
  if (found == names_.end() || !rights.sees(name)) {
    std::vector<std::string_view> visible;
    // To look for what was meant takes time, and whoever asks may ask again at once.
    for (auto other = names_.begin(); names_.size() <= names_compared_max && other != names_.end(); ++other) {
      if (rights.sees(other->first)) visible.push_back(other->first);
    }
    const std::string_view near = codec::nearest_name(name, visible.data(), visible.size());
    return fail(Code::not_found, fmt::format("nobody provides \"{}\"{}", name,
                                             near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
  PARLEY_TRY(rights.check(Verb::call, name));
  return choose_among(found->first, found->second);
}

// The name of the class goes first, or whoever may offer any name at all could draw these calls to himself.
Result<Directory::Choice> Directory::choose_by_method(std::uint64_t method, const Rights& rights) {
  std::optional<Error> refusal;
  const std::string* chosen = nullptr;
  if (const auto found = methods_.find(method); found != methods_.end()) {
    for (const std::string& name : found->second) {
      const auto may = rights.check(Verb::call, name);
      const bool is_of_class = names_.at(name).front().offer.service == name;
      if (may && (!chosen || is_of_class)) chosen = &name;
      if (!may && !refusal && rights.sees(name)) refusal = may.error();
    }
  }
  if (chosen) return choose_among(*chosen, names_.at(*chosen));
  if (refusal) return fail(*refusal);
  return fail(Code::method, fmt::format("nobody provides method {:#018x}", method));
}

const std::string* Directory::name_of(std::uint64_t method) const {
  const auto found = methods_.find(method);
  return found == methods_.end() ? nullptr : &found->second.front();
}

void Directory::add_load(ProviderId provider, std::int64_t calls) {
  const auto by = providers_.find(provider);
  if (by != providers_.end()) by->second.load += calls;
}

std::vector<Directory::Entry> Directory::entries() const {
  std::vector<Entry> all;
  for (const auto& [name, providers] : names_) {
    for (const Provided& each : providers) all.push_back({each.provider, &each.offer});
  }
  return all;
}

std::vector<Directory::Entry> Directory::entries(const Rights& rights) const {
  std::vector<Entry> visible = entries();
  std::erase_if(visible, [&](const Entry& entry) { return !rights.sees(entry.offer->name); });
  return visible;
}

}  // namespace parley::core
