#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "codec/postcard.h"
#include "wire/records/recording.h"
#include "wire/records/scribe.h"
#include "wire/roam/message_suite.h"

// What the tests of recordings share: messages of a service that is described, as they pass.
namespace parley::wire::records::suite {

using roam::Octets;

inline Octets file_of(const std::vector<Record>& records) {
  Octets file = recording_head();
  for (const Record& record : records) {
    const Octets bytes = encode(record);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  return file;
}

// All that can be read, in the order of the file; each fault as it is told.
inline std::vector<Record> read_all(ByteView file, std::vector<std::string>* faults = nullptr,
                                    std::size_t* cut_off = nullptr) {
  std::vector<Record> records;
  auto reader = RecordingReader::open(file);
  if (!reader) {
    ADD_FAILURE() << reader.error().note;
    return records;
  }
  for (;;) {
    auto record = reader->next();
    if (!record) {
      if (faults) faults->push_back(record.error().note);
    } else if (*record) {
      records.push_back(std::move(**record));
    } else {
      break;
    }
  }
  if (cut_off) *cut_off = reader->cut_off_bytes();
  return records;
}

// class Calculator { divide(a: i64, b: i64) -> i64 or text; sum(numbers: Rx<i32, 16>) -> i64 }
inline constexpr std::uint64_t divide_id = 0x1111111111111111;
inline constexpr std::uint64_t sum_id = 0x2222222222222222;
inline codec::ServiceDescription calculator() {
  using enum codec::DescribedKind;
  codec::ServiceDescription service{.name = "Calculator", .methods = {}, .types = {}};
  const auto add = [&](codec::DescribedKind kind) -> codec::TypeDescription& {
    return service.types.emplace_back(codec::TypeDescription{.kind = kind});
  };
  add(i64);
  add(text);
  add(i32);
  codec::TypeDescription& numbers = add(rx);
  numbers.parts.push_back({.name = {}, .type = 2, .default_json = {}, .description = {}});
  numbers.count = 16;
  service.methods.push_back({.name = "divide", .id = divide_id, .description = {}, .arguments = {{"a", 0}, {"b", 0}}});
  service.methods.back().own_error = 1;
  service.methods.push_back({.name = "sum", .id = sum_id, .description = {}, .arguments = {{"numbers", 3}}});
  return service;
}

template <class... Values>
Octets values(const Values&... each) {
  return roam::octets({codec::to_postcard(each)...});
}
inline Octets hello() { return {0, 0, 7, 0, 64, 0}; }
inline Octets hello_yourself() { return {0, 1, 1, 64, 0}; }
inline Octets call(std::uint64_t id, std::uint64_t method, const Octets& arguments,
                   std::vector<std::uint64_t> channels = {}, const Metadata& metadata = {}) {
  BlockPool pool;
  OutBuffer entries(pool);
  entries.commit(roam::put_metadata(entries, entries.room(codec::varint_bytes_max), metadata));
  const Octets listed = codec::to_postcard(channels);
  return roam::octets(
      {{0, 7}, roam::varint(id), {0}, roam::varint(method), listed, roam::octets(entries.pending()), arguments});
}
inline Octets response(std::uint64_t id, const Octets& result) {
  return roam::octets({{0, 7}, roam::varint(id), {1, 0, 0}, result});
}
inline Octets item(std::uint64_t channel, const Octets& value) {
  return roam::octets({{0, 8}, roam::varint(channel), {0}, value});
}
inline Octets close(std::uint64_t channel) { return roam::octets({{0, 8}, roam::varint(channel), {1, 0}}); }
inline Octets credit(std::uint64_t channel, std::uint32_t items) {
  return roam::octets({{0, 8}, roam::varint(channel), {3}, roam::varint(items)});
}

// Records of one stream, a millisecond apart.
class Script {
 public:
  explicit Script(std::uint64_t stream = 1) : stream_(stream) {}
  Script& client(Octets message) { return add(From::client, std::move(message)); }
  Script& server(Octets message) { return add(From::server, std::move(message)); }
  Script& end(From from, std::string why = {}) {
    records.emplace_back(Ended{stream_, from, at_us_ += 1000, std::move(why)});
    return *this;
  }
  std::vector<Record> records;

 private:
  Script& add(From from, Octets message) {
    records.emplace_back(Passed{stream_, from, at_us_ += 1000, std::move(message)});
    return *this;
  }
  std::uint64_t stream_;
  std::uint64_t at_us_ = 0;
};

}  // namespace parley::wire::records::suite
