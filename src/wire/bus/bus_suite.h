#pragma once

#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/bus/frame.h"

// What the tests of the bus share.
namespace parley::wire::bus {

using Octets = std::vector<std::uint8_t>;

inline Octets octets(ByteView view) { return {view.begin(), view.end()}; }

inline Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline std::string to_hex(ByteView bytes) {
  std::string hex;
  for (const std::uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

// A line of a file of vectors: an object of JSON, whose texts have no escapes and whose numbers are whole.
struct VectorLine {
  std::string json;

  std::string text(std::string_view key) const {
    const std::string before = '"' + std::string(key) + "\":\"";
    const std::size_t at = json.find(before);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + before.size();
    return json.substr(begin, json.find('"', begin) - begin);
  }
  int number(std::string_view key) const {
    const std::string before = '"' + std::string(key) + "\":";
    const std::size_t at = json.find(before);
    return at == std::string::npos ? 0 : std::stoi(json.substr(at + before.size()));
  }
};

// Made with the encoder and decoder of liminal 0.2.3.
inline std::vector<VectorLine> read_vectors(const std::string& name) {
  std::ifstream file("tests/vectors/bus/" + name + ".jsonl");
  EXPECT_TRUE(file) << name;
  std::vector<VectorLine> lines;
  for (std::string line; std::getline(file, line);) lines.push_back({line});
  EXPECT_FALSE(lines.empty()) << name;
  return lines;
}

// The bytes of one of the frames that can be encoded.
inline Octets golden(std::string_view label) {
  for (const VectorLine& line : read_vectors("encode")) {
    if (line.text("label") == label) return from_hex(line.text("hex"));
  }
  ADD_FAILURE() << "no vector " << label;
  return {};
}

inline const Bounds default_bounds;

inline Octets encoded(const Frame& frame) {
  BlockPool pool(64);
  OutBuffer out(pool);
  put_frame(out, frame, default_bounds).value();
  return octets(out.pending());
}

// A head and a body; the length is that of the body.
inline Octets framed(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, ByteView body) {
  Octets bytes{type, flags};
  for (const std::uint32_t number : {stream, static_cast<std::uint32_t>(body.size())}) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

// The same frame with other bytes for a body.
inline Octets with_body(const Octets& frame, ByteView body) { return framed(frame[0], frame[1], frame[5], body); }

// What a reader says of bytes that are no frame; fails the test when they are one.
inline Malformed fault_of(ByteView bytes, const Bounds& bounds = default_bounds) {
  const std::expected<Frame, Malformed> frame = read_frame(bytes, bounds);
  EXPECT_FALSE(frame.has_value()) << to_hex(bytes);
  return frame ? Malformed{} : frame.error();
}

}  // namespace parley::wire::bus
