#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace parley::core {

// Why an actor, a worker or a client that took part has ended: what links, monitors and conversations are told.
struct ExitReason {
  enum class Kind : std::uint8_t {
    normal,         // it was done, or was asked to end
    finished,       // it has said what it had to say, and ends for that
    error,          // it failed; the text says how
    killed,         // it was ended from outside
    no_connection,  // nobody knows: the link to it is gone
  };
  Kind kind = Kind::normal;
  std::string text = {};

  bool is_crash() const { return kind != Kind::normal && kind != Kind::finished; }
  friend bool operator==(const ExitReason&, const ExitReason&) = default;
};
std::string_view to_string(ExitReason::Kind kind);
// "error: the disk is full".
std::string to_string(const ExitReason& reason);

}  // namespace parley::core
