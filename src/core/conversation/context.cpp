#include "core/conversation/context.h"

#include <algorithm>

namespace parley::core {

std::size_t Context::bytes_of(const Entry& entry) {
  return sizeof entry + entry.reason.text.size() + (entry.message ? entry.message->bytes() : 0);
}

std::uint64_t Context::add(Entry entry) {
  if (bytes_of(entry) > bytes_max_) entry.message = nullptr;
  bytes_ += bytes_of(entry);
  entries_.push_back(std::move(entry));
  while (entries_.size() > 1 && (entries_.size() > entries_max_ || bytes_ > bytes_max_)) {
    bytes_ -= bytes_of(entries_.front());
    entries_.pop_front();
    ++first_;
  }
  return first_ + entries_.size() - 1;
}

void Context::set_outcome(std::uint64_t number, Outcome outcome) {
  if (number >= first_ && number < first_ + entries_.size()) entries_[number - first_].outcome = outcome;
}

Context::Page Context::page(std::uint64_t from, std::size_t count_max) const {
  Page page{.first = std::clamp(from, first_, first_ + entries_.size()), .entries = {}};
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(page.first - first_);
  const std::size_t count = std::min(count_max, static_cast<std::size_t>(entries_.end() - begin));
  page.entries.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  return page;
}

}  // namespace parley::core
