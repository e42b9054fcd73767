#include "wire/opening.h"

#include <algorithm>
#include <initializer_list>

#include "base/limits.h"

namespace parley::wire {
namespace {

// The values that a byte may have.
struct Range {
  std::uint8_t low = 0x00;
  std::uint8_t high = 0xff;

  constexpr bool holds(std::uint8_t byte) const { return low <= byte && byte <= high; }
  constexpr bool meets(const Range& other) const { return low <= other.high && other.low <= high; }
};

constexpr Range any;
constexpr Range not_zero{0x01, 0xff};
constexpr Range is(int byte) { return {static_cast<std::uint8_t>(byte), static_cast<std::uint8_t>(byte)}; }

struct Row {
  Opening opening;
  std::array<Range, opening_head_bytes> bytes;
};

consteval Row row(Opening opening, std::initializer_list<Range> bytes) {
  Row row{opening, {}};
  std::ranges::copy(bytes, row.bytes.begin());
  return row;
}

consteval Row method(std::string_view name) {
  Row row{Opening::http, {}};
  std::ranges::transform(name, row.bytes.begin(), [](char letter) { return is(letter); });
  row.bytes.at(name.size()) = is(' ');
  return row;
}

// What lies where. roam: length, little-endian, then connection 0, message 0 (Hello) and the version. Stable roam and
// vox: the length of the hello and its magic. Bus: type (Connect or Ping), flags, stream 0, length, big-endian. TLS: a
// handshake record of some 3.x.
constexpr Row rows[] = {
    row(Opening::roam_stable, {is(25), is(0), is(0), is(0), is('R'), is('O'), is('C'), is('H')}),
    row(Opening::vox, {is(8), is(0), is(0), is(0), is('V'), is('O'), is('T'), is('H')}),
    row(Opening::bus, {is(0x01), any, is(0), is(0), is(0), is(0), is(0)}),
    row(Opening::bus, {is(0x13), any, is(0), is(0), is(0), is(0), is(0)}),
    row(Opening::roam, {any, any, is(0), is(0), is(0), is(0), not_zero}),
    row(Opening::roam, {is(0), is(0), is(1), is(0), is(0), is(0), not_zero}),  // of 64 KiB exactly
    row(Opening::tls, {is(0x16), is(3), {1, 3}}),
    method("GET"),
    method("POST"),
    method("PUT"),
    method("HEAD"),
    method("PATCH"),
    method("DELETE"),
    method("OPTIONS"),
    method("TRACE"),
    method("CONNECT"),
};

static_assert(opening_bytes_max == 0x10000, "the rows of roam say so");
static_assert(Limits{}.opening_bytes_max <= opening_bytes_max, "a longer opening would not be known for one");

// No bytes fit two rows of different openings, whatever they are: some byte tells the two apart.
consteval bool rows_exclude_each_other() {
  for (const Row& one : rows) {
    for (const Row& other : rows) {
      if (one.opening == other.opening) continue;
      const bool meet = std::ranges::equal(one.bytes, other.bytes, &Range::meets);
      if (meet) return false;
    }
  }
  return true;
}
static_assert(rows_exclude_each_other());

// And no row fits an object: JSON has no zero, and what begins like an object otherwise demands one.
consteval bool rows_exclude_an_object() {
  return std::ranges::all_of(rows, [](const Row& row) {
    return !row.bytes[0].holds('{') || std::ranges::any_of(row.bytes, [](Range range) { return range.high == 0; });
  });
}
static_assert(rows_exclude_an_object());

}  // namespace

OpeningRead OpeningReader::add(ByteView bytes) {
  if (opening_ == Opening::undecided && size_ < opening_head_bytes) bytes = bytes.subspan(add_to_head(bytes));
  for (const std::uint8_t byte : bytes) {
    if (opening_ != Opening::undecided) break;
    object_.take(byte);
    ++size_;
    opening_ = object_.answer();
    if (opening_ == Opening::undecided && size_ == opening_bytes_max) opening_ = Opening::unknown;
  }
  if (opening_ != Opening::undecided) return {opening_, 0};
  return {opening_, size_ < opening_head_bytes ? opening_head_bytes - size_ : 1};
}

std::size_t OpeningReader::add_to_head(ByteView bytes) {
  const ByteView taken = bytes.first(std::min(bytes.size(), opening_head_bytes - size_));
  for (const std::uint8_t byte : taken) {
    object_.take(byte);
    head_[size_++] = byte;
  }
  opening_ = by_head();
  return taken.size();
}

Opening OpeningReader::by_head() const {
  const ByteView head(head_.data(), size_);
  const bool is_whole = size_ == opening_head_bytes;
  for (const Row& row : rows) {
    const bool fits = std::ranges::equal(head, std::span(row.bytes).first(size_),
                                         [](std::uint8_t byte, const Range& range) { return range.holds(byte); });
    if (fits) return is_whole ? row.opening : Opening::undecided;
  }
  const Opening by_object = object_.answer();
  return is_whole || by_object == Opening::unknown ? by_object : Opening::undecided;
}

OpeningRead read_opening(ByteView bytes) { return OpeningReader().add(bytes); }

}  // namespace parley::wire
