#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/limits.h"
#include "wire/records/recording.h"
#include "wire/records/sessions.h"
#include "wire/roam/catalog.h"
#include "wire/roam/dissected.h"
#include "wire/roam/message.h"
#include "wire/roam/remembered.h"

namespace parley::wire::roam {

// Explains a recording record by record, in its order: which method a response and an item belong to, what they hold.
// What is wrong with a message is said of it and stops nothing. It remembers so many calls and so many channels that
// are not over; of what belongs to others it says that they are not remembered.
class Dissector {
 public:
  static constexpr std::size_t remembered_max = std::size_t{1} << 18;

  // The catalog outlives it, and may grow.
  explicit Dissector(const Catalog& catalog, std::size_t most_remembered = remembered_max);

  // Nothing for records that are no event on the wire. What it points at lies in the record.
  std::optional<Dissected> dissect(const records::Record& record);

 private:
  // Names are made when they are shown: a message of a few bytes may list a million channels.
  struct CallSeen {
    std::uint64_t id = 0;                     // of the method
    const Catalog::Method* method = nullptr;  // null: it is not described
  };
  struct ChannelSeen {
    CallSeen call;
    std::string path;
    const codec::Transcoder* service = nullptr;
    std::uint32_t item = 0;  // its type
  };
  using ChannelId = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // session, connection, and in it
  using CallId = std::pair<ChannelId, records::From>;                         // the caller
  struct Session {
    std::map<std::uint64_t, std::string> services;  // by connection
  };
  struct Reading;

  Dissected dissect_passed(const records::Passed& passed);
  void read(Session& session, ByteView message, bool is_again, Dissected& one);

  const Catalog& catalog_;
  Limits limits_;
  records::SessionSorter sorter_;
  std::map<std::uint64_t, Session> sessions_;
  Remembered<CallId, CallSeen> calls_;  // over: answered
  Remembered<ChannelId, ChannelSeen> channels_;
};

// The least number of bytes of a message with which it is already as wrong as the whole; nothing where what is wrong is
// only that its end is missing.
std::optional<std::size_t> fault_at(ByteView message, std::string_view fault, const Limits& limits);

}  // namespace parley::wire::roam
