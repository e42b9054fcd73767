#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace parley::hub {

// Commands that were said to a host and that it has not answered: whose its answers are. Of its connection.
class HostCalls {
 public:
  // A command is known by its saga, or by its nonce.
  struct Key {
    bool is_probe;
    std::uint64_t number;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Waiting {
    std::string call;
    std::string command;  // where it has said its saga itself, which others may say too; else empty
    std::uint64_t until;  // the position behind its line
  };
  // Of those for which nobody waits any more the oldest is forgotten beyond that number.
  explicit HostCalls(std::size_t given_up_max) : given_up_max_(given_up_max) {}

  std::size_t size() const { return waiting_.size(); }
  // Whether somebody waits for an answer of that key, or one may still come that is another command's.
  bool is_in_use(Key key, std::string_view command) const {
    if (waiting_.contains(key)) return true;
    const auto found = key.is_probe ? given_up_.end() : find_given_up(key.number);
    return found != given_up_.end() && found->command != command;
  }
  void add(Key key, Waiting waiting) {
    forget_given_up(key);
    by_call_.emplace(waiting.call, key);
    waiting_.emplace(key, std::move(waiting));
  }
  // The answer has come. Gives the call, if there is one that waits for it.
  std::optional<std::string> take(Key key) {
    forget_given_up(key);
    auto found = waiting_.extract(key);
    if (found.empty()) return std::nullopt;
    by_call_.erase(found.mapped().call);
    return std::move(found.mapped().call);
  }
  // Nobody waits for it any more. False: nobody did.
  bool give_up(const std::string& call) {
    const auto found = by_call_.extract(call);
    if (found.empty()) return false;
    auto waiting = waiting_.extract(found.mapped());
    if (waiting.mapped().command.empty()) return true;
    given_up_.push_back({found.mapped().number, std::move(waiting.mapped().command)});
    if (given_up_.size() > given_up_max_) given_up_.pop_front();
    return true;
  }
  // Of lines that had not left as a whole when so much had.
  std::vector<std::string> take_unsent(std::uint64_t sent) {
    std::vector<std::string> calls;
    std::erase_if(waiting_, [&](const auto& each) {
      if (sent + 1 >= each.second.until) return false;
      by_call_.erase(each.second.call);
      calls.push_back(each.second.call);
      return true;
    });
    return calls;
  }
  void clear() {
    waiting_.clear();
    by_call_.clear();
    given_up_.clear();
  }

 private:
  struct GivenUp {
    std::uint64_t saga;
    std::string command;
  };
  std::deque<GivenUp>::const_iterator find_given_up(std::uint64_t saga) const {
    return std::ranges::find(given_up_, saga, &GivenUp::saga);
  }
  void forget_given_up(Key key) {
    if (key.is_probe) return;
    if (const auto found = find_given_up(key.number); found != given_up_.end()) given_up_.erase(found);
  }

  const std::size_t given_up_max_;
  std::map<Key, Waiting> waiting_;
  std::unordered_map<std::string, Key> by_call_;
  std::deque<GivenUp> given_up_;  // the oldest first
};

}  // namespace parley::hub
