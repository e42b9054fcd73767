#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.h"
#include "wire/records/recording.h"
#include "wire/records/sessions.h"
#include "wire/roam/catalog.h"
#include "wire/roam/dissected.h"
#include "wire/roam/message.h"

namespace parley::wire::roam {

// Explains a recording record by record, in its order: which method a response and an item belong to, what they hold.
// What is wrong with a message is said of it and stops nothing. Its memory is bounded by what it is given.
class Dissector {
 public:
  // The catalog outlives it, and may grow.
  explicit Dissector(const Catalog& catalog);

  // Nothing for records that are no event on the wire. What it points at lies in the record.
  std::optional<Dissected> dissect(const records::Record& record);

 private:
  struct CallSeen {
    const Catalog::Method* method = nullptr;  // null: it is not described
    std::string name;
    records::From caller = records::From::client;
    bool is_answered = false;
  };
  struct ChannelSeen {
    std::string method;
    std::string path;
    const codec::Transcoder* service = nullptr;
    std::uint32_t item = 0;  // its type
    bool is_over = false;
  };
  using Id = std::pair<std::uint64_t, std::uint64_t>;  // connection, and in it
  struct Session {
    std::map<std::pair<Id, records::From>, CallSeen> calls;  // the caller
    std::map<Id, ChannelSeen> channels;
    std::map<std::uint64_t, std::string> services;  // by connection
  };
  struct Reading;

  Dissected dissect_passed(const records::Passed& passed);
  void read(Session& session, ByteView message, bool is_again, Dissected& one);

  const Catalog& catalog_;
  Limits limits_;
  records::SessionSorter sorter_;
  std::map<std::uint64_t, Session> sessions_;
};

// The least number of bytes of a message with which it is already as wrong as the whole; nothing where what is wrong is
// only that its end is missing.
std::optional<std::size_t> fault_at(ByteView message, std::string_view fault, const Limits& limits);

}  // namespace parley::wire::roam
