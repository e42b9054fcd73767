// One message of the roam wire. What decodes is written again and then says the same; what does not says why.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "wire/frame.h"
#include "wire/roam/message.h"
#include "wire/roam/same.h"

namespace {

using namespace parley;
using namespace parley::wire;

// Walks what a message only points at.
struct Walk {
  std::size_t sum = 0;

  void operator()(ByteView bytes) {
    for (const std::uint8_t byte : bytes) sum += byte;
  }
  void operator()(std::string_view text) { (*this)(as_bytes(text)); }
  void operator()(const roam::MetadataView& view) {
    const Metadata metadata = view.to_metadata();
    std::uint64_t storage = 0;
    std::uint32_t count = 0;
    view.for_each([&](const roam::MetadataView::Entry& entry) {
      ++count;
      (*this)(entry.key);
      (*this)(entry.bytes);
      PARLEY_ASSERT(view.has(entry.key) && metadata.find(entry.key) != nullptr);
      const std::uint64_t* number = view.find_number(entry.key, storage);
      const std::uint64_t* same_number = metadata.find_number(entry.key);
      PARLEY_ASSERT(number ? same_number && *number == *same_number : !same_number);
    });
    PARLEY_ASSERT(count == view.size() && metadata.size() == count);
    PARLEY_ASSERT(to_string(metadata).find('\n') == std::string::npos);
    Metadata changed = metadata;
    changed.append(metadata);
    PARLEY_ASSERT(changed.size() == 2 * metadata.size());
    for (const MetadataEntry& entry : metadata) {
      changed.set(entry.key, std::uint64_t{7});
      PARLEY_ASSERT(*changed.find_number(entry.key) == 7);
    }
    for (const MetadataEntry& entry : metadata) changed.erase(entry.key);
    PARLEY_ASSERT(changed.empty());
  }
  void operator()(const roam::ChannelList& list) {
    for (roam::ChannelList::Cursor cursor(list); cursor.any();) sum += cursor.next();
  }
  void operator()(const roam::Settings& settings) { PARLEY_ASSERT(static_cast<unsigned>(settings.parity) <= 1); }
  void operator()(std::uint64_t) {}
};

void check_error(const Error& error) {
  PARLEY_ASSERT(kind(error) == Kind::protocol);
  PARLEY_ASSERT(!error.note.empty());
}

void check(ByteView bytes, const roam::Message& message, const Limits& limits) {
  std::visit(
      [](const auto& payload) { codec::with_fields(payload, [](const auto&... field) { (Walk()(field), ...); }); },
      message.payload);

  BlockPool pool(64);
  OutBuffer out(pool);
  roam::put_message(out, message);
  const FrameScan scan = scan_frame(out.pending(), limits.frame_bytes_max);
  PARLEY_ASSERT(scan.status == FrameScan::Status::whole && scan.size == out.size());
  // Numbers become no longer; a Hello of another version is given settings, if it had none.
  PARLEY_ASSERT(scan.message.size() <= bytes.size() + 3, scan.message.size(), bytes.size());
  const Result<roam::Message> again = roam::decode_message(scan.message, limits);
  PARLEY_ASSERT(again.has_value());
  PARLEY_ASSERT(roam::same(message, *again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const Limits limits;
  const Result<roam::Message> message = roam::decode_message(bytes, limits);
  if (message) {
    check(bytes, *message, limits);
  } else {
    check_error(message.error());
  }

  Limits tight;
  tight.metadata_entries_max = 2;
  tight.metadata_bytes_max = 24;
  tight.channels_per_call_max = 2;
  const Result<roam::Message> bounded = roam::decode_message(bytes, tight);
  if (bounded) {
    PARLEY_ASSERT(message.has_value() && roam::same(*bounded, *message));
  } else {
    check_error(bounded.error());
  }
  return 0;
}
