#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::sim {

// What the checkers found wrong: which of them, and what it saw. Only the first are kept; one defect causes many.
class Verdicts {
 public:
  struct Verdict {
    std::string_view checker;
    std::string what;
  };
  static constexpr std::size_t kept_max = 20;

  void fail(std::string_view checker, std::string what) {
    ++count_;
    if (list_.size() < kept_max) list_.push_back({checker, std::move(what)});
  }
  bool is_clean() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  const std::vector<Verdict>& list() const { return list_; }
  bool names(std::string_view checker) const {
    for (const Verdict& verdict : list_) {
      if (verdict.checker == checker) return true;
    }
    return false;
  }

 private:
  std::size_t count_ = 0;
  std::vector<Verdict> list_;
};

}  // namespace parley::sim
