#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/command/message.h"

namespace parley::core {

// Who provides which command. A command has one owner; others that say they have it stand by in the order in which they
// came, and the next of them takes over when the owner is gone. Owners are carriers, and `here` for this registry
// itself. Part of the directory, so that a name is a service or a command and never both.
class Commands {
 public:
  using Owner = std::uint64_t;
  static constexpr Owner here = 0;
  struct Bounds {
    std::size_t commands_max = 16384;  // of all; those here have a place beyond, whatever peers have
    std::size_t commands_per_owner_max = 4096;
    std::size_t definition_bytes_max = std::size_t{64} << 10;
    std::size_t owner_bytes_max = std::size_t{8} << 20;  // all definitions of one
  };
  explicit Commands(Bounds bounds) : bounds_(bounds) {}

  struct Provided {
    Owner owner = here;
    wire::command::Definition definition;
  };
  // The owner's; null: nobody has it.
  const Provided* find(std::string_view id) const;
  // Of one that owns it or stands by.
  const wire::command::Definition* find(std::string_view id, Owner owner) const;

  // What became of an entry.
  enum class Added : std::uint8_t { owns, stands_by, refreshed };
  // Says that it has the command, or says it anew. Errors: invalid (a name that is none), overloaded.
  Result<Added> add(Owner owner, wire::command::Definition definition);

  // What is left of a command that somebody provides no more.
  struct Removed {
    std::string id;
    bool was_owner = false;
    const Provided* next = nullptr;  // the owner now; null: nobody
  };
  // Nothing where it was not provided by that owner: an empty id.
  Removed remove(Owner owner, std::string_view id);
  // All that one provides, by name.
  std::vector<std::string> names_of(Owner owner) const;

  // What each owner provides, by name.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [id, provided] : commands_) visit(provided.front());
  }
  std::size_t size() const { return commands_.size(); }
  bool has(std::string_view id) const { return commands_.contains(id); }
  // What counts of one.
  static std::size_t bytes_of(const wire::command::Definition& definition);

 private:
  struct Share {
    std::size_t bytes = 0;
    std::size_t count = 0;
  };
  Result<void> check_room(const Share& share, std::size_t bytes, bool needs_place) const;

  Bounds bounds_;
  std::map<std::string, std::vector<Provided>, std::less<>> commands_;
  std::map<Owner, Share> shares_;
};

}  // namespace parley::core
