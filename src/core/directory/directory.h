#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "core/directory/commands.h"
#include "core/policy/policy.h"

namespace parley::core {

// A service that somebody provides under a name. Travels as postcard: in `parley-offers` of a hello and to
// parley.Directory.
struct Offer {
  std::string name;
  std::string service;  // the name of its class
  bool exclusive = false;
  std::vector<std::uint64_t> method_ids;
  friend bool operator==(const Offer&, const Offer&) = default;
};

// Who provides what: name -> providers. A service has many, unless it is exclusive; each connection is bound to one of
// them when it is opened, to the one with the fewest calls in flight, and among equals to whoever was chosen longest
// ago. Whoever asks has the rights to, or gets `permission`; of a name that he may not see he is told what he would be
// told if nobody provided it.
class Directory {
 public:
  using ProviderId = std::uint64_t;
  struct Bounds {
    std::size_t names_max = 4096;
    std::size_t offers_per_provider_max = 256;
    std::size_t methods_per_offer_max = 64;
    Commands::Bounds commands = {};
  };
  explicit Directory(Bounds bounds) : bounds_(bounds), commands_(bounds.commands) {}

  // The other names in it: core::Registry keeps them.
  Commands& commands() { return commands_; }
  const Commands& commands() const { return commands_; }

  // Errors: invalid (a name that is none or reserved, or offered by this provider already), permission, in_use
  // (somebody offers the name exclusively, or it is wanted exclusively and others offer it, or they offer another class
  // by it, or it is a command), overloaded.
  Result<void> offer(ProviderId provider, Offer offer, const Rights& rights);
  // False: it was not offered.
  bool withdraw(ProviderId provider, std::string_view name);
  // The provider is gone, with all it offers.
  void drop(ProviderId provider);

  struct Choice {
    ProviderId provider = 0;
    std::string name;
  };
  // Errors: not_found, with the nearest name that may be seen; permission.
  Result<Choice> choose(std::string_view name, const Rights& rights);
  // Of the names with this method that may be called that of its class, else the first. Errors: method, permission.
  Result<Choice> choose_by_method(std::uint64_t method, const Rights& rights);
  // Whether anybody provides it, whoever may see that.
  bool has(std::string_view name) const { return names_.contains(name); }
  // The first name with this method, whoever may see it; null: there is none.
  const std::string* name_of(std::uint64_t method) const;

  // How many calls the provider has in flight, as the load to choose by.
  void add_load(ProviderId provider, std::int64_t calls);

  struct Entry {
    ProviderId provider = 0;
    const Offer* offer = nullptr;
  };
  std::vector<Entry> entries() const;                      // by name, then as they came
  std::vector<Entry> entries(const Rights& rights) const;  // of the names that may be seen
  std::size_t size() const { return names_.size(); }

 private:
  struct Provided {
    ProviderId provider;
    Offer offer;
    std::uint64_t chosen_at = 0;
  };
  struct Provider {
    std::int64_t load = 0;
    std::vector<std::string> names;
  };
  Result<void> check(const Offer& offer, const std::vector<Provided>& others, ProviderId provider) const;
  void forget(ProviderId provider, const std::string& name);
  Choice choose_among(const std::string& name, std::vector<Provided>& providers);

  Bounds bounds_;
  Commands commands_;
  std::map<std::string, std::vector<Provided>, std::less<>> names_;
  std::map<std::uint64_t, std::vector<std::string>> methods_;  // the names under which a method is served
  std::map<ProviderId, Provider> providers_;
  std::uint64_t choices_ = 0;
};

}  // namespace parley::core
