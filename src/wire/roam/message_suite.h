#pragma once

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/frame.h"
#include "wire/roam/message.h"
#include "wire/roam/same.h"

// What the tests of the roam wire share.
namespace parley::wire::roam {

using Octets = std::vector<std::uint8_t>;

inline Octets octets(ByteView view) { return {view.begin(), view.end()}; }
inline Octets octets(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

inline Octets varint(std::uint64_t value) {
  std::uint8_t bytes[codec::varint_bytes_max];
  return {bytes, codec::put_varint(bytes, value)};
}

inline Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Behind its length.
inline Octets in_frame(const Octets& message) {
  Octets bytes(frame_head_bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(message.size() >> (8 * i));
  return octets({bytes, message});
}

inline std::string hex(ByteView bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

inline Octets read_vector(const std::string& path) {
  std::ifstream file("tests/vectors/" + path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The message with its frame. Small blocks make the buffer grow in the middle of messages.
inline Octets framed(const Message& message, std::size_t block_size = 64) {
  BlockPool pool(block_size);
  OutBuffer out(pool);
  put_message(out, message);
  return octets(out.pending());
}

inline Octets encoded(const Message& message, std::size_t block_size = 64) {
  const Octets bytes = framed(message, block_size);
  return {bytes.begin() + frame_head_bytes, bytes.end()};
}

// The decoder keeps a reference to its limits.
inline const Limits default_limits;

// The code that decoding fails with; fails the test when it does not.
inline Code fault_of(ByteView bytes, const Limits& limits = default_limits) {
  const Result<Message> message = decode_message(bytes, limits);
  EXPECT_FALSE(message.has_value());
  return message.has_value() ? Code::bug : message.error().code;
}
inline std::string note_of(ByteView bytes, const Limits& limits = default_limits) {
  const Result<Message> message = decode_message(bytes, limits);
  EXPECT_FALSE(message.has_value());
  return message.has_value() ? "" : message.error().note;
}

}  // namespace parley::wire::roam
