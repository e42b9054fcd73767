#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/prng.h"
#include "wire/opening.h"
#include "wire/opening_suite.h"

// That no two protocols begin alike: every legal beginning of each is built from that protocol's format, not from the
// rule, and must be known for what it is. With one answer for eight bytes, no two can then share them.
namespace parley::wire {
namespace {

using Head = std::array<std::uint8_t, opening_head_bytes>;

Opening opening_of(const Head& head) { return read_opening(head).opening; }

// Counts the wrong answers, and shows the first.
class Expect {
 public:
  explicit Expect(Opening opening) : expected_(opening) {}
  ~Expect() { EXPECT_EQ(wrong_, 0u) << "of " << count_ << " for " << to_string(expected_); }

  void operator()(const Head& head) {
    ++count_;
    const Opening found = opening_of(head);
    if (found == expected_ || wrong_++ != 0) return;
    ADD_FAILURE() << ::testing::PrintToString(head) << " is " << to_string(found);
  }
  std::size_t count() const { return count_; }

 private:
  Opening expected_;
  std::size_t count_ = 0;
  std::size_t wrong_ = 0;
};

Head roam_head(std::uint32_t length, std::uint8_t version, std::uint8_t behind) {
  return {static_cast<std::uint8_t>(length),
          static_cast<std::uint8_t>(length >> 8),
          static_cast<std::uint8_t>(length >> 16),
          static_cast<std::uint8_t>(length >> 24),
          0,
          0,
          version,
          behind};
}

TEST(OpeningExclusion, every_roam_opening_is_roam) {
  Expect expect(Opening::roam);
  // Every length. The first byte of a version is a small number or, with its top bit, goes on; nothing else looks at
  // it, so one of each sort stands for all.
  for (std::uint32_t length = 1; length <= opening_bytes_max; ++length) {
    for (const auto version : std::to_array<std::uint8_t>({0x01, 0x07, 0x80})) expect(roam_head(length, version, 0));
  }
  // Every version, at every first byte: it is where other protocols have their type or first letter. Second bytes and
  // what follows the version (parity, or more of it): what others have there.
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned version = 1; version < 256; ++version) {
      for (const unsigned second : {0x00u, 0x03u, unsigned{'"'}, unsigned{'E'}}) {
        expect(roam_head(second << 8 | first, static_cast<std::uint8_t>(version), version & 1 ? 0 : 0xff));
      }
    }
  }
  EXPECT_EQ(expect.count(), 65536u * 3 + 256u * 255 * 4);
}

TEST(OpeningExclusion, every_bus_opening_is_bus) {
  Expect expect(Opening::bus);
  // Type, flags, stream 0, and of the length the two upper bytes: the first of them is zero below 16 MiB.
  for (const auto type : std::to_array<std::uint8_t>({0x01, 0x13})) {
    for (unsigned flags = 0; flags < 256; ++flags) {
      for (unsigned length = 0; length < 256; ++length) {
        expect({type, static_cast<std::uint8_t>(flags), 0, 0, 0, 0, 0, static_cast<std::uint8_t>(length)});
      }
    }
  }
}

TEST(OpeningExclusion, every_hello_of_stable_roam_and_of_vox_is_known) {
  // Flags, key and numbers, or version and mode, lie behind the eighth byte.
  EXPECT_EQ(opening_of({25, 0, 0, 0, 'R', 'O', 'C', 'H'}), Opening::roam_stable);
  EXPECT_EQ(opening_of({8, 0, 0, 0, 'V', 'O', 'T', 'H'}), Opening::vox);
}

TEST(OpeningExclusion, every_tls_opening_is_tls) {
  Expect expect(Opening::tls);
  // Version, length of the record (at most 2^14), client_hello, and of its length the upper bytes.
  for (const auto minor : std::to_array<std::uint8_t>({1, 2, 3})) {
    for (unsigned length = 1; length <= 1u << 14; ++length) {
      const auto upper = static_cast<std::uint8_t>(length >> 8);
      const auto lower = static_cast<std::uint8_t>(length);
      expect({0x16, 3, minor, upper, lower, 1, 0, upper});
    }
  }
}

TEST(OpeningExclusion, every_http_opening_is_http) {
  Expect expect(Opening::http);
  for (const std::string_view method :
       {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "}) {
    // What follows is text of any kind: a path, a host, an asterisk.
    for (unsigned letter = '!'; letter <= '~'; ++letter) {
      Head head;
      head.fill(static_cast<std::uint8_t>(letter));
      std::ranges::copy(method, head.begin());
      expect(head);
    }
  }
}

TEST(OpeningExclusion, no_object_is_anything_but_its_own) {
  // Behind the brace: blanks, or the key at once. No two of the keys begin alike, and none of these bytes is zero.
  constexpr std::pair<std::string_view, Opening> keys[] = {{"type", Opening::command},
                                                           {"jsonrpc", Opening::mcp},
                                                           {"kind", Opening::hostpipe},
                                                           {"event", Opening::hostpipe},
                                                           {"cmd", Opening::hostpipe}};
  for (const auto& [key, opening] : keys) {
    for (const std::string_view blank : {"", " ", "\t", "\n", "\r\n", "        "}) {
      for (const std::string_view before : {"", "\"id\":1,", "\"\":[],"}) {
        const std::string text = "{" + std::string(blank) + std::string(before) + "\"" + std::string(key) + "\":\"\"}";
        EXPECT_EQ(read_opening(as_bytes(text)).opening, opening) << text;
      }
    }
  }
}

// The rule once more, as the sentences of docs/WIRE.md section 10 say it, for eight bytes that begin no object.
Opening by_the_book(const Head& head) {
  const auto begins = [&](std::string_view text) { return as_text(head).starts_with(text); };
  const std::uint32_t length = head[0] | head[1] << 8 | head[2] << 16 | static_cast<std::uint32_t>(head[3]) << 24;
  const std::string_view magic = as_text(head).substr(4);
  if (length == 25 && magic == "ROCH") return Opening::roam_stable;
  if (length == 8 && magic == "VOTH") return Opening::vox;
  if (head[4] == 0 && head[5] == 0) {
    if (length <= opening_bytes_max && head[6] != 0) return Opening::roam;
    const bool has_type = head[0] == 0x01 || head[0] == 0x13;
    if (has_type && head[2] == 0 && head[3] == 0 && head[6] == 0) return Opening::bus;
  }
  if (head[0] == 0x16 && head[1] == 3 && head[2] >= 1 && head[2] <= 3) return Opening::tls;
  for (const std::string_view method :
       {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "}) {
    if (begins(method)) return Opening::http;
  }
  return Opening::unknown;
}

TEST(OpeningExclusion, near_every_beginning_the_answers_are_those_of_the_sentences) {
  // Every sample with any two of its first eight bytes changed: to every value for one, to a telling one for the other.
  constexpr std::uint8_t telling[] = {0x00, 0x01, 0x03, 0x07, 0x13, 0x16, ' ', 'V', 0xff};
  std::size_t wrong = 0;
  for (const Sample& sample : samples()) {
    if (sample.bytes.front() == '{') continue;
    Head head;
    std::ranges::copy(sample.bytes.substr(0, head.size()), head.begin());
    for (std::size_t one = 0; one < head.size(); ++one) {
      for (std::size_t other = 0; other < head.size(); ++other) {
        for (unsigned value = 0; value < 256; ++value) {
          for (const std::uint8_t telling_value : telling) {
            Head changed = head;
            changed[one] = static_cast<std::uint8_t>(value);
            changed[other] = telling_value;
            if (opening_of(changed) != by_the_book(changed) && wrong++ == 0) {
              ADD_FAILURE() << ::testing::PrintToString(changed) << ' ' << to_string(opening_of(changed));
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
}

// Text near a beginning: a sample or an object, cut, changed at some places, and with something behind.
std::vector<std::uint8_t> random_opening(Prng& prng) {
  constexpr std::string_view pieces[] = {"{",        "}",        "\"",        ":",       ",",      "[",    "]",
                                         "\"type\"", "\"kind\"", "\"event\"", "\\u0074", "\\\"",   " ",    "1e9",
                                         "\"cmd\"",  "\"id\":",  "{\"a\":[",  "\"json",  "rpc\":", "null", "\\"};
  std::vector<std::uint8_t> bytes;
  if (prng.chance(500)) {
    bytes.push_back('{');
    const std::size_t count = prng.below(20);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view piece = pieces[prng.below(std::size(pieces))];
      bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
  } else {
    const std::string_view sample = samples()[prng.below(samples().size())].bytes;
    bytes.assign(sample.begin(), sample.end());
  }
  while (!bytes.empty() && prng.chance(400)) {
    bytes[prng.below(bytes.size())] = static_cast<std::uint8_t>(prng.chance(500) ? 0 : prng.below(256));
  }
  return bytes;
}

TEST(OpeningProperty, an_answer_is_final_and_does_not_depend_on_how_the_bytes_arrive) {
  Prng prng(20);
  std::size_t decided = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::vector<std::uint8_t> bytes = random_opening(prng);
    const OpeningRead at_once = read_opening(bytes);
    OpeningReader bytewise;
    OpeningReader chunked;
    OpeningRead last = bytewise.add({});
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
      const OpeningRead read = bytewise.add(ByteView(bytes).subspan(size - 1, 1));
      ASSERT_EQ(read, read_opening(ByteView(bytes).first(size))) << as_text(bytes);
      if (last.opening != Opening::undecided) ASSERT_EQ(read, last) << as_text(bytes) << size;
      ASSERT_EQ(read.more == 0, read.opening != Opening::undecided);
      // No protocol was found with fewer bytes than had been asked for.
      const bool is_found = read.opening != Opening::undecided && read.opening != Opening::unknown;
      if (is_found && last.opening == Opening::undecided) ASSERT_EQ(last.more, 1u) << as_text(bytes);
      last = read;
    }
    for (ByteView rest = bytes; !rest.empty();) {
      const std::size_t size = prng.between(1, rest.size());
      chunked.add(rest.first(size));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(last, at_once) << as_text(bytes);
    ASSERT_EQ(chunked.add({}), at_once) << as_text(bytes);
    decided += at_once.opening != Opening::undecided && at_once.opening != Opening::unknown;
  }
  EXPECT_GT(decided, 1000u) << "most of the random bytes are nothing: the test says little";
  EXPECT_LT(decided, 4000u);
}

RC_GTEST_PROP(OpeningProperty, of_bytes_at_random_an_answer_is_final, ()) {
  const auto bytes = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  Opening last = Opening::undecided;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Opening opening = read_opening(ByteView(bytes).first(size)).opening;
    if (last != Opening::undecided) RC_ASSERT(opening == last);
    last = opening;
  }
}

}  // namespace
}  // namespace parley::wire
