#include "runtime/method_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::runtime {

Result<void> MethodTable::add(std::span<const MethodEntry> entries) {
  for (const MethodEntry& entry : entries) {
    PARLEY_ASSERT(entry.start != nullptr);
    if (const MethodEntry* other = find(entry.id)) {
      return fail(Code::in_use, fmt::format("{}.{} has the method id of {}.{}, which is served already: a call names "
                                            "its method alone, so each class is served once",
                                            entry.service, entry.name, other->service, other->name));
    }
  }
  for (const MethodEntry& entry : entries) {
    if ((size_ + 1) * 2 > slots_.size()) rebuild(std::max<std::size_t>(16, slots_.size() * 2));
    place(entry);
    ++size_;
  }
  return {};
}

Result<void> MethodTable::add(std::string name, MethodTable methods) {
  if (named_.contains(name)) return fail(Code::in_use, fmt::format("\"{}\" is served already", name));
  PARLEY_TRY(add(methods.entries()));
  services_.insert(services_.end(), methods.services_.begin(), methods.services_.end());
  methods.interceptors_ = interceptors_;
  named_.emplace(std::move(name), std::move(methods));
  return {};
}

std::vector<MethodEntry> MethodTable::entries() const {
  std::vector<MethodEntry> entries;
  for (const MethodEntry& entry : slots_) {
    if (entry.start) entries.push_back(entry);
  }
  return entries;
}

const MethodTable* MethodTable::named(std::string_view name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? nullptr : &found->second;
}

Result<void> MethodTable::set_rest(const MethodEntry& entry) {
  PARLEY_ASSERT(entry.start != nullptr);
  if (rest_.start) return fail(Code::in_use, "the calls that nobody else serves");
  rest_ = entry;
  return {};
}

void MethodTable::intercept(std::shared_ptr<Interceptor> interceptor) {
  PARLEY_ASSERT(interceptor != nullptr);
  interceptors_->push_back(std::move(interceptor));
}

void MethodTable::place(const MethodEntry& entry) {
  std::size_t at = home(entry.id);
  while (slots_[at].start) at = (at + 1) & mask_;
  slots_[at] = entry;
}

void MethodTable::rebuild(std::size_t capacity) {
  std::vector<MethodEntry> old(capacity);
  old.swap(slots_);
  mask_ = capacity - 1;
  for (const MethodEntry& entry : old) {
    if (entry.start) place(entry);
  }
}

}  // namespace parley::runtime
