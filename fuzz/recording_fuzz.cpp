// A recording, which is somebody's bytes, and what is made of it. The first byte chooses: a file that is read,
// explained and said again to a server that answers as the file has it; or the two directions of a stream, each piece
// behind a byte of direction and length, that are cut into records and blanked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"
#include "core/rerun/rerun.h"
#include "wire/records/recording.h"
#include "wire/records/scribe.h"
#include "wire/roam/blank.h"
#include "wire/roam/dissector.h"

namespace {

using namespace parley;
using namespace parley::wire;
using namespace parley::wire::records;

constexpr std::size_t records_max = 512;

void explain(const std::vector<Record>& records, const roam::Catalog& catalog) {
  roam::Dissector dissector(catalog);
  for (const Record& record : records) {
    const auto one = dissector.dissect(record);
    if (!one) continue;
    const std::string line = to_line(*one);
    PARLEY_ASSERT(line.find('\n') == std::string::npos && !one->kind.empty());
    const std::string json = to_json(*one);
    PARLEY_ASSERT(json.starts_with('{') && json.ends_with('}'));
  }
}

// What is expected is told in its order, whether it was asked for yet or not; then all ends. It always comes to an end.
void say_again(const std::vector<Record>& records, const roam::Catalog& catalog) {
  core::Rerun rerun(records, catalog);
  std::size_t said = 0;
  const auto go_on = [&] {
    while (const auto action = rerun.next()) {
      ++said;
      PARLEY_ASSERT(action->session != 0);
    }
  };
  SessionSorter sorter;
  std::uint64_t sessions = 0;
  for (const Record& record : records) {
    go_on();
    const auto* passed = std::get_if<Passed>(&record);
    if (!passed) continue;
    const Sorted sorted = sorter.sort(*passed);
    sessions = std::max(sessions, sorted.session);
    if (passed->from == From::server && sorted.what == Sorted::What::message) {
      rerun.on_message(sorted.session, sorted.message);
    }
  }
  PARLEY_ASSERT(!rerun.awaited().empty());
  for (std::uint64_t session = 1; session <= sessions; ++session) rerun.on_end(session, std::nullopt);
  go_on();
  PARLEY_ASSERT(rerun.is_done(), said);
}

void check_file(ByteView file) {
  auto reader = RecordingReader::open(file);
  if (!reader) {
    PARLEY_ASSERT(!reader.error().note.empty());
    return;
  }
  std::vector<Record> records;
  roam::Catalog catalog;
  for (;;) {
    auto record = reader->next();
    if (!record) {
      PARLEY_ASSERT(record.error().code == Code::invalid && !record.error().note.empty());
      continue;
    }
    if (!*record || records.size() == records_max) break;
    if (auto* described = std::get_if<Described>(&**record)) {
      static_cast<void>(catalog.add(described->name, described->service));
    }
    records.push_back(std::move(**record));
  }
  std::vector<std::uint8_t> again = recording_head();
  for (const Record& record : records) {
    const std::vector<std::uint8_t> bytes = encode(record);
    again.insert(again.end(), bytes.begin(), bytes.end());
  }
  auto reread = RecordingReader::open(again);
  PARLEY_ASSERT(reread.has_value());
  for (const Record& record : records) PARLEY_ASSERT(reread->next().value() == record);
  explain(records, catalog);
  say_again(records, catalog);
}

void check_stream(ByteView bytes) {
  KeyNumbers keys;
  Scribe scribe(1, keys);
  std::vector<Record> records;
  std::uint64_t given = 0;
  while (!bytes.empty()) {
    const From from = (bytes[0] & 0x80) == 0 ? From::client : From::server;
    const std::size_t size = std::min<std::size_t>(bytes[0] & 0x7f, bytes.size() - 1);
    const std::vector<std::uint8_t> piece(bytes.begin() + 1, bytes.begin() + 1 + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(1 + size);
    given += size;
    scribe.take(from, piece, given, records);
  }
  scribe.end(From::client, {}, given, records);
  scribe.end(From::server, {}, given, records);
  std::uint64_t recorded = 0;
  for (const Record& record : records) {
    const auto* passed = std::get_if<Passed>(&record);
    if (!passed) continue;
    recorded += passed->message.size();
    // What is blank stays as it is, whether it was inside of a frame or not.
    std::vector<std::uint8_t> message = passed->message;
    roam::blank_secrets(message);
    PARLEY_ASSERT(message.size() == passed->message.size());
    std::vector<std::uint8_t> twice = message;
    roam::blank_secrets(twice);
    PARLEY_ASSERT(twice == message);
  }
  PARLEY_ASSERT(recorded <= given);
  explain(records, roam::Catalog());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65536) return 0;
  // On the heap and exactly as long as it is: a read behind it is seen.
  const std::vector<std::uint8_t> bytes(data + 1, data + size);
  if (data[0] % 2 == 0) {
    check_file(bytes);
  } else {
    check_stream(bytes);
  }
  return 0;
}
