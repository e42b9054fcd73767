#include "core/policy/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "codec/utf8.h"

namespace parley::core {

namespace {

// In the order of Verb.
constexpr std::array<std::string_view, 7> verb_names = {"see",       "call",     "offer",  "publish",
                                                        "subscribe", "converse", "operate"};
constexpr std::string_view everybody = "*";
constexpr std::size_t shown_bytes_max = 128;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_for(const Rule& rule, const Principal& principal) { return !rule.principal || *rule.principal == principal; }

}  // namespace

std::string_view to_string(Verb verb) { return verb_names.at(static_cast<std::size_t>(verb)); }

Result<Verb> parse_verb(std::string_view text) {
  const auto found = std::ranges::find(verb_names, text);
  if (found != verb_names.end()) return static_cast<Verb>(found - verb_names.begin());
  return fail(Code::invalid, fmt::format("\"{}\" is no verb, which are {}", codec::to_line(text, shown_bytes_max),
                                         fmt::join(verb_names, ", ")));
}

Result<Rule> Rule::parse(std::string_view text) {
  std::vector<std::string_view> words = split(text, ' ');
  std::erase(words, std::string_view());
  if (words.size() != 3) {
    return fail(Code::invalid, fmt::format("\"{}\" is no rule, which look like: token:ci see,call build.**",
                                           codec::to_line(text, shown_bytes_max)));
  }
  Rule rule;
  if (words[0] != everybody) {
    PARLEY_TRY(rule.principal, Principal::parse(words[0]));
  }
  if (words[1] == "*") {
    rule.verbs = Verbs::all();
  } else {
    for (const std::string_view word : split(words[1], ',')) {
      PARLEY_TRY(const Verb verb, parse_verb(word));
      rule.verbs.add(verb);
    }
  }
  PARLEY_TRY(rule.pattern, Pattern::parse(words[2]));
  return rule;
}

std::string to_string(const Rule& rule) {
  std::vector<std::string_view> verbs;
  for (std::size_t i = 0; i < verb_names.size(); ++i) {
    if (rule.verbs.has(static_cast<Verb>(i))) verbs.push_back(verb_names[i]);
  }
  return fmt::format("{} {} {}", rule.principal ? to_string(*rule.principal) : std::string(everybody),
                     rule.verbs == Verbs::all() ? "*" : fmt::format("{}", fmt::join(verbs, ",")), rule.pattern.text());
}

Policy Policy::of_owner(Principal owner) {
  Policy policy;
  policy.rules_.push_back({std::move(owner), Verbs::all(), Pattern::everything()});
  return policy;
}

Result<void> Policy::add(Rule rule) {
  if (rule.verbs.empty()) return fail(Code::invalid, "a rule without a verb allows nothing");
  if (rules_.size() >= rules_max) return fail(Code::overloaded, fmt::format("a policy has up to {} rules", rules_max));
  rules_.push_back(std::move(rule));
  return {};
}

bool Policy::allows(const Principal& principal, Verb verb, std::string_view name) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return rule.verbs.has(verb) && is_for(rule, principal) && rule.pattern.matches(name);
  });
}

static Error denial(const Principal& principal, Verb verb, std::string_view name) {
  return {Code::permission, fmt::format("{0} may not {1} \"{2}\"; a rule that allows it: {0} {1} {2}",
                                        to_string(principal), to_string(verb), name)};
}

Result<void> Policy::check(const Principal& principal, Verb verb, std::string_view name) const {
  if (allows(principal, verb, name)) return {};
  return fail(denial(principal, verb, name));
}

bool Policy::allows_any(const Principal& principal, Verb verb, const Pattern& pattern) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return rule.verbs.has(verb) && is_for(rule, principal) && rule.pattern.meets(pattern);
  });
}

Result<void> Policy::check_any(const Principal& principal, Verb verb, const Pattern& pattern) const {
  if (allows_any(principal, verb, pattern)) return {};
  return fail(denial(principal, verb, pattern.text()));
}

bool Policy::knows(const Principal& principal) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return rule.principal == principal; });
}

bool Policy::names_any(Principal::Kind kind) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return rule.principal && rule.principal->kind == kind; });
}

bool Policy::concerns(const Principal& principal) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return is_for(rule, principal); });
}

}  // namespace parley::core
