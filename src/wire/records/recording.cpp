#include "wire/records/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "codec/postcard.h"
#include "wire/frame.h"

namespace parley::wire::records {

namespace {

constexpr std::string_view magic = "PARLEYRC";
static_assert(magic.size() + sizeof(std::uint32_t) == recording_head_bytes);

}  // namespace

std::vector<std::uint8_t> recording_head() {
  std::vector<std::uint8_t> head(magic.begin(), magic.end());
  head.resize(recording_head_bytes);
  std::memcpy(head.data() + magic.size(), &recording_version, sizeof recording_version);
  return head;
}

std::vector<std::uint8_t> encode(const Record& record) {
  const std::vector<std::uint8_t> body = codec::to_postcard(record);
  const auto size = static_cast<std::uint32_t>(body.size());
  PARLEY_ASSERT(size == body.size() && size <= record_bytes_max, body.size());
  std::vector<std::uint8_t> bytes(frame_head_bytes + body.size());
  std::memcpy(bytes.data(), &size, sizeof size);
  std::ranges::copy(body, bytes.begin() + frame_head_bytes);
  return bytes;
}

Result<RecordingReader> RecordingReader::open(ByteView file) {
  if (file.empty()) return fail(Code::invalid, "it is empty");
  if (file.size() < recording_head_bytes || !as_text(file).starts_with(magic)) {
    return fail(Code::invalid, fmt::format("it does not begin as a recording does, with {}", magic));
  }
  std::uint32_t version = 0;
  std::memcpy(&version, file.data() + magic.size(), sizeof version);
  if (version != recording_version) {
    return fail(Code::version, fmt::format("its format is {}, and this program reads {}", version, recording_version));
  }
  return RecordingReader(file);
}

Result<std::optional<Record>> RecordingReader::next() {
  const FrameScan scan = scan_frame(file_.subspan(at_), record_bytes_max);
  switch (scan.status) {
    case FrameScan::Status::cut_off: cut_off_ = file_.size() - at_; return std::nullopt;
    case FrameScan::Status::too_large: {
      const std::size_t at = std::exchange(at_, file_.size());
      return fail(Code::invalid, fmt::format("damaged at byte {}: a record of {} bytes, and what is behind it is lost",
                                             at, scan.size));
    }
    case FrameScan::Status::whole: break;
  }
  const std::size_t at = std::exchange(at_, at_ + scan.size);
  auto record = codec::from_postcard<Record>(scan.message);
  if (!record) return fail(Code::invalid, fmt::format("damaged at byte {}: {}", at, record.error().note));
  return std::optional<Record>(std::move(*record));
}

}  // namespace parley::wire::records
