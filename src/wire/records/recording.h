#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/description.h"

// The file that `parley record` writes: twelve bytes of head, and then records, each behind its length as messages are
// (wire/frame.h). docs/WIRE.md, section 15.
namespace parley::wire::records {

inline constexpr std::uint32_t recording_version = 1;
inline constexpr std::size_t recording_head_bytes = 12;
// A longer record is damage.
inline constexpr std::size_t record_bytes_max = std::size_t{80} << 20;

// Who said something: the client is who dialed.
enum class From : std::uint8_t { client, server };
constexpr From other(From from) { return from == From::client ? From::server : From::client; }

// Times are microseconds since Began.

// The first record.
struct Began {
  std::uint64_t unix_us = 0;
  std::string program;  // that wrote it, with its version
  std::string listen;   // where clients came in
  std::string to;       // where they were led
  bool operator==(const Began&) const = default;
};
// What the service of that name says of itself. May stand anywhere, behind calls of it too.
struct Described {
  std::string name;
  codec::ServiceDescription service;
  bool operator==(const Described&) const = default;
};
// A client came. Streams are numbered from 1 as they come.
struct Opened {
  std::uint64_t stream = 0;
  std::uint64_t at_us = 0;
  std::string peer;
  bool operator==(const Opened&) const = default;
};
// One message without its length, with secrets blanked (wire/roam/blank.h).
struct Passed {
  std::uint64_t stream = 0;
  From from = From::client;
  std::uint64_t at_us = 0;
  std::vector<std::uint8_t> message;
  bool operator==(const Passed&) const = default;
};
// Bytes that passed and are not in the recording.
struct LeftOut {
  std::uint64_t stream = 0;
  From from = From::client;
  std::uint64_t at_us = 0;
  std::uint64_t bytes = 0;
  std::string why;
  bool operator==(const LeftOut&) const = default;
};
// One direction is over; `why` is empty where it ended in good order.
struct Ended {
  std::uint64_t stream = 0;
  From from = From::client;
  std::uint64_t at_us = 0;
  std::string why;
  bool operator==(const Ended&) const = default;
};
// Nothing that came later was recorded.
struct Stopped {
  std::uint64_t at_us = 0;
  std::string why;
  bool operator==(const Stopped&) const = default;
};

using Record = std::variant<Began, Described, Opened, Passed, LeftOut, Ended, Stopped>;

std::vector<std::uint8_t> recording_head();
// With its length.
std::vector<std::uint8_t> encode(const Record& record);

// Reads a recording that lies in memory, which outlives the reader.
class RecordingReader {
 public:
  // Errors: invalid (no recording), version (of another format).
  static Result<RecordingReader> open(ByteView file);

  // The next record; nothing behind the last. A record that is none is an error (`invalid`) that says where it lies,
  // and the next one can still be read.
  Result<std::optional<Record>> next();
  // Behind the last: bytes of a record that was not written to its end.
  std::size_t cut_off_bytes() const { return cut_off_; }

 private:
  explicit RecordingReader(ByteView file) : file_(file), at_(recording_head_bytes) {}

  ByteView file_;
  std::size_t at_;
  std::size_t cut_off_ = 0;
};

}  // namespace parley::wire::records
