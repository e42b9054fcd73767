#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/link.h"
#include "wire/frame.h"

// What the tests of links are written with.
namespace parley::runtime::suite {

// Writes down what a link tells.
struct LinkLog final : io::LinkEvents {
  bool on_message(ByteView message, Block* block) override {
    messages.emplace_back(as_text(message));
    if (keeps) kept.push_back(Bytes::view_into(block, message));
    capacity = block ? block->capacity() : 0;
    if (at_message) at_message(message);
    return is_open;
  }
  void on_link_ended(const Error* error) override {
    ++ends;
    if (error) failure = *error;
    if (at_end) at_end();
  }
  void on_link_drained() override { ++drains; }
  void on_link_news(News what, std::uint64_t times) override { news[static_cast<std::size_t>(what)] += times; }
  std::uint64_t times(News what) const { return news[static_cast<std::size_t>(what)]; }

  std::vector<std::string> messages;
  bool keeps = false;  // messages where they lie, too
  std::vector<Bytes> kept;
  std::size_t capacity = 0;  // of the block in which the last one lay
  bool is_open = true;       // what on_message() answers
  int ends = 0;
  int drains = 0;
  std::array<std::uint64_t, 4> news{};
  std::optional<Error> failure;
  std::move_only_function<void(ByteView)> at_message;
  std::move_only_function<void()> at_end;
};

// A message behind its length.
inline std::string framed(std::string_view message) {
  const auto length = static_cast<std::uint32_t>(message.size());
  return std::string(reinterpret_cast<const char*>(&length), sizeof length).append(message);
}
inline void put(OutBuffer& out, std::string_view message) {
  std::uint8_t* cursor = wire::begin_frame(out, message.size());
  wire::end_frame(out, std::copy(message.begin(), message.end(), cursor));
}
inline void send(io::Link& link, std::string_view message) {
  put(link.out(), message);
  link.committed();
}
inline void send_control(io::Link& link, std::string_view message) {
  put(link.control(), message);
  link.committed();
}

}  // namespace parley::runtime::suite
