#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parley/outbox.h"

namespace tour {

// What became of commands as their sender knows it, and what the hosts did, as they wrote it down: that they agree.
class Books {
 public:
  void add(const parley::Ticket& ticket, bool is_for_any) { sent_.emplace_back(ticket, is_for_any); }
  // The ledger of all hosts of examples/outbox: a line for each command that was applied.
  void read(const std::string& ledger);

  std::size_t sent() const { return sent_.size(); }
  std::size_t results(parley::TicketResult::Kind kind) const;
  std::size_t results() const;  // of all kinds
  // One line each; none, and all is well. What says that it was applied was, and what says that it was not was not;
  // nobody applied anything twice, nor two lives of the host what was meant for one.
  std::vector<std::string> faults() const;

  std::size_t applied() const { return applied_.size(); }  // commands in the ledger
  std::size_t hosts() const { return hosts_.size(); }      // that wrote something there
  // Commands that one host may have applied, and a later one was given again, which they were to be.
  std::size_t applied_again() const;

 private:
  std::vector<std::pair<parley::Ticket, bool>> sent_;
  std::map<std::uint64_t, std::vector<int>> applied_;  // ticket -> processes
  std::set<int> hosts_;
};

}  // namespace tour
