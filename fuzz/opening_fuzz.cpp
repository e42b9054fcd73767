// The first bytes of a peer. The first byte chooses how the rest is cut into chunks; the answer does not depend on the
// cuts, and is final. What is known for a protocol begins as that protocol does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/prng.h"
#include "wire/opening.h"
#include "wire/opening_refusal.h"

namespace {

using namespace parley;
using namespace parley::wire;

bool is_object(Opening opening) {
  return opening == Opening::command || opening == Opening::mcp || opening == Opening::hostpipe;
}

void check_answer(ByteView bytes, Opening opening) {
  PARLEY_ASSERT(!to_string(opening).empty());
  if (opening == Opening::undecided) {
    PARLEY_ASSERT(bytes.size() < opening_head_bytes || bytes[0] == '{');
    PARLEY_ASSERT(refusal_of(opening).empty());
    return;
  }
  if (opening == Opening::unknown) return;
  PARLEY_ASSERT(bytes.size() >= opening_head_bytes, bytes.size());
  PARLEY_ASSERT(!is_object(opening) || (bytes[0] == '{' && std::ranges::find(bytes, ':') != bytes.end()));
  const bool is_session = opening == Opening::roam || opening == Opening::bus;
  PARLEY_ASSERT(!is_session || (bytes[3] == 0 && bytes[4] == 0 && bytes[5] == 0));
  const bool is_served = opening == Opening::roam || opening == Opening::roam_stable || opening == Opening::command ||
                         opening == Opening::hostpipe;
  PARLEY_ASSERT(is_served || !refusal_of(opening).empty());
}

// Adds the bytes in chunks, each a copy of exactly its size: a read beyond the end is then seen.
template <class NextSize>
OpeningRead read_in_chunks(ByteView bytes, NextSize next_size) {
  OpeningReader reader;
  OpeningRead last = reader.add({});
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), next_size());
    const std::vector<std::uint8_t> chunk(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const OpeningRead read = reader.add(chunk);
    PARLEY_ASSERT((read.opening == Opening::undecided) == (read.more != 0), read.more);
    PARLEY_ASSERT(last.opening == Opening::undecided || read == last);
    const bool is_found = read.opening != Opening::undecided && read.opening != Opening::unknown;
    PARLEY_ASSERT(!is_found || last.more <= size, last.more);
    last = read;
    bytes = bytes.subspan(size);
  }
  return last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  Prng prng(data[0]);
  const ByteView bytes(data + 1, size - 1);
  const OpeningRead at_once = read_opening(bytes);
  PARLEY_ASSERT(read_in_chunks(bytes, [] { return std::size_t{1}; }) == at_once);
  PARLEY_ASSERT(read_in_chunks(bytes, [&] { return prng.between(1, 12); }) == at_once);
  check_answer(bytes, at_once.opening);
  return 0;
}
