#include "books.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace tour {

using Kind = parley::TicketResult::Kind;

// 4711 window.title {"ticket":"00c0ffee12345678-17"}
void Books::read(const std::string& ledger) {
  std::ifstream file(ledger);
  std::string command;
  std::string meta;
  for (int pid = 0; file >> pid >> command >> meta;) {
    hosts_.insert(pid);
    applied_[std::stoull(meta.substr(meta.rfind('-') + 1))].push_back(pid);
  }
}

std::size_t Books::results(Kind kind) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sent_, [kind](const auto& each) { return each.first.peek() && each.first.peek()->kind == kind; }));
}

std::size_t Books::results() const {
  return static_cast<std::size_t>(std::ranges::count_if(sent_, [](const auto& each) { return each.first.peek(); }));
}

std::size_t Books::applied_again() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(applied_, [](const auto& each) { return each.second.size() > 1; }));
}

std::vector<std::string> Books::faults() const {
  std::vector<std::string> faults;
  std::size_t found = 0;
  for (const auto& [ticket, is_for_any] : sent_) {
    const auto entry = applied_.find(ticket.number());
    const std::vector<int> by = entry == applied_.end() ? std::vector<int>() : entry->second;
    if (!by.empty()) ++found;
    const parley::TicketResult* const result = ticket.peek();
    if (!result) {
      faults.push_back(fmt::format("{} has no result", ticket.number()));
      continue;
    }
    const std::string what = fmt::format("{}, which is `{}`", ticket.number(), to_string(result->kind));
    if (result->kind == Kind::applied && by.empty()) faults.push_back(what + ", was not applied");
    const bool may_be_there = result->kind == Kind::applied || result->kind == Kind::unknown;
    if (!may_be_there && !by.empty()) faults.push_back(what + ", was applied");
    if (std::set(by.begin(), by.end()).size() != by.size()) faults.push_back(what + ", was applied twice by one host");
    if (!is_for_any && by.size() > 1) faults.push_back(what + ", was applied by two hosts");
  }
  if (found != applied_.size())
    faults.push_back(fmt::format("{} were applied that nobody sent", applied_.size() - found));
  return faults;
}

}  // namespace tour
