#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "wire/records/recording.h"
#include "wire/roam/stable.h"

namespace parley::wire::records {

// What a recorded message is to its session.
struct Sorted {
  enum class What : std::uint8_t {
    message,       // of the session: `message` is what sections 3 to 9 of docs/WIRE.md call so
    client_hello,  // of a stable session's stream
    server_hello,
    farewell,   // the last of a stable session
    malformed,  // nothing of these; `note` says why
  };
  What what = What::message;
  std::uint64_t session = 0;  // from 1, in the order of their first messages
  bool is_stable = false;
  bool is_again = false;     // a stable session has seen it before
  bool goes_on = false;      // of a client's hello: with a session that is in the recording
  bool is_rejected = false;  // of a server's
  std::optional<std::uint32_t> number;
  std::optional<std::uint32_t> acknowledged;  // of a hello: what has been received
  ByteView message;
  std::string note;
};

// Finds the session of each message: of a bare one that is its stream, and a stable one goes on over several. Its
// memory is bounded by what it is given.
class SessionSorter {
 public:
  // In the order of the recording. The view is of the record.
  Sorted sort(const Passed& passed);
  // The session of a stream; 0 where nothing came on it.
  std::uint64_t session_of(std::uint64_t stream) const;

 private:
  struct Stream {
    std::uint64_t session = 0;
    bool is_stable = false;
    std::array<bool, 2> has_spoken{};
  };
  struct Session {
    std::array<std::optional<std::uint32_t>, 2> last;  // number that each side has sent
  };
  void read_client_hello(const Passed& passed, Stream& stream, Sorted& sorted);
  void read_server_hello(const Passed& passed, Stream& stream, Sorted& sorted);
  void read_frame(const Passed& passed, Sorted& sorted);

  std::uint64_t sessions_ = 0;
  std::map<std::uint64_t, Stream> streams_;
  std::map<std::uint64_t, Session> stable_;
  std::map<roam::stable::Key, std::uint64_t> by_key_;
};

}  // namespace parley::wire::records
