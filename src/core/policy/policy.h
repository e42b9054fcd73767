#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/pattern.h"
#include "core/policy/principal.h"

// Who may do what: rules that allow, and nothing is allowed without one.
namespace parley::core {

// What somebody does with a name.
enum class Verb : std::uint8_t {
  see,    // finds it in lists, and learns that it is there
  call,   // opens connections to it, which lets see it, too
  offer,  // provides it, which lets see it, too
  publish,
  subscribe,
  converse,
  operate,  // asks the hub about all its sessions, and what was refused
};

std::string_view to_string(Verb verb);
// Errors: invalid, with all that there are.
Result<Verb> parse_verb(std::string_view text);

class Verbs {
 public:
  constexpr Verbs() = default;
  constexpr Verbs(std::initializer_list<Verb> verbs) {
    for (const Verb verb : verbs) add(verb);
  }
  static constexpr Verbs all() {
    using enum Verb;
    return {see, call, offer, publish, subscribe, converse, operate};
  }
  constexpr void add(Verb verb) { bits_ |= bit(verb); }
  constexpr bool has(Verb verb) const { return (bits_ & bit(verb)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend bool operator==(const Verbs&, const Verbs&) = default;

 private:
  static constexpr std::uint32_t bit(Verb verb) { return std::uint32_t{1} << static_cast<unsigned>(verb); }
  std::uint32_t bits_ = 0;
};

// As text: `token:ci see,call build.**`, three words. `*` as the first is everybody who was let in, and as the second
// all verbs.
struct Rule {
  std::optional<Principal> principal;  // nothing: everybody who was let in
  Verbs verbs;
  Pattern pattern = Pattern::everything();

  // Errors: invalid.
  static Result<Rule> parse(std::string_view text);
  friend bool operator==(const Rule&, const Rule&) = default;
};

std::string to_string(const Rule& rule);

// All rules of a hub. What one allows is allowed, in whatever order they stand.
class Policy {
 public:
  static constexpr std::size_t rules_max = 1024;

  Policy() = default;
  // One who may everything, and nobody else anything.
  static Policy of_owner(Principal owner);

  // Errors: invalid (no verb), overloaded.
  Result<void> add(Rule rule);
  const std::vector<Rule>& rules() const { return rules_; }

  bool allows(const Principal& principal, Verb verb, std::string_view name) const;
  // Errors: permission, which says who may not do what, and a rule that would allow it.
  Result<void> check(const Principal& principal, Verb verb, std::string_view name) const;
  // The same of any name that fits a pattern.
  bool allows_any(const Principal& principal, Verb verb, const Pattern& pattern) const;
  Result<void> check_any(const Principal& principal, Verb verb, const Pattern& pattern) const;
  // Whether it is one of those that rules name, and not only of everybody.
  bool knows(const Principal& principal) const;
  // Whether a rule names one of that kind.
  bool names_any(Principal::Kind kind) const;
  // Whether there is any rule for it, also as one of everybody.
  bool concerns(const Principal& principal) const;

 private:
  std::vector<Rule> rules_;
};

// What one principal may. Outlived by the policy, which does not change meanwhile.
class Rights {
 public:
  Rights(const Policy& policy, Principal principal) : policy_(&policy), principal_(std::move(principal)) {}

  const Principal& principal() const { return principal_; }
  bool may(Verb verb, std::string_view name) const { return policy_->allows(principal_, verb, name); }
  // Whoever calls or offers a name sees it.
  bool sees(std::string_view name) const {
    return may(Verb::see, name) || may(Verb::call, name) || may(Verb::offer, name);
  }
  Result<void> check(Verb verb, std::string_view name) const { return policy_->check(principal_, verb, name); }
  // Whether it may with any name that fits.
  Result<void> check_any(Verb verb, const Pattern& pattern) const {
    return policy_->check_any(principal_, verb, pattern);
  }

 private:
  const Policy* policy_;
  Principal principal_;
};

}  // namespace parley::core
