#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json_kind.h"

namespace parley::codec {

// A number with all its digits: 0.<digits> times ten to the power of point. Digits begin and end with others than 0, so
// that equal numbers are the same; zero has none.
struct JsonDecimal {
  bool is_negative = false;
  std::int64_t point = 0;
  std::string_view digits;

  bool is_integer() const { return point >= static_cast<std::int64_t>(digits.size()); }
};
int compare(const JsonDecimal& left, const JsonDecimal& right);
std::string to_string(const JsonDecimal& number);

// What work is still allowed. Whoever finds too little left gives up, and the caller looks whether it has ended.
struct Work {
  std::uint64_t left = 0;

  bool spend(std::uint64_t steps) {
    if (left < steps) left = 0;
    left -= left < steps ? 0 : steps;
    return left != 0;
  }
  bool is_over() const { return left == 0; }
};

// A JSON text as a tree that is looked at and compared, for what must see a part of it more than once. Does not change.
// Memory: some 30 times the text, at most.
class JsonDocument {
 public:
  static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

  struct Node {
    JsonKind kind = JsonKind::null;
    bool flag = false;        // a boolean's value; whether a number is negative
    std::uint32_t begin = 0;  // in what its kind has: digits, text, elements, members
    std::uint32_t size = 0;
    std::int64_t point = 0;  // of numbers
  };
  struct Member {
    std::uint32_t key = 0;  // a string
    std::uint32_t node = 0;
  };

  // Refuses (`json`) what is no JSON, is longer or nested deeper than it may, or has a key twice; says where.
  struct Bounds {
    std::size_t text_bytes_max = 0;
    std::size_t depth_max = 0;
  };
  static Result<JsonDocument> parse(std::string_view text, Bounds bounds);

  static constexpr std::uint32_t root = 0;
  const Node& node(std::uint32_t number) const { return nodes_[number]; }

  JsonKind kind(std::uint32_t number) const { return nodes_[number].kind; }
  bool boolean(std::uint32_t number) const { return nodes_[number].flag; }
  std::string_view text(std::uint32_t number) const { return piece(nodes_[number].begin, nodes_[number].size); }
  JsonDecimal decimal(std::uint32_t number) const {
    const Node& at = nodes_[number];
    return {at.flag, at.point, piece(at.begin, at.size)};
  }
  std::span<const std::uint32_t> elements(std::uint32_t number) const {
    return std::span(elements_).subspan(nodes_[number].begin, nodes_[number].size);
  }
  // In the order of their keys.
  std::span<const Member> members(std::uint32_t number) const {
    return std::span(members_).subspan(nodes_[number].begin, nodes_[number].size);
  }
  std::string_view key(const Member& member) const { return text(member.key); }
  // The value of a key, or none.
  std::uint32_t find(std::uint32_t object, std::string_view key) const;

 private:
  friend class JsonDocumentBuilder;

  std::string_view piece(std::uint32_t begin, std::uint32_t size) const {
    return std::string_view(texts_).substr(begin, size);
  }

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> elements_;
  std::vector<Member> members_;
  std::string texts_;
};

// A part of a document.
struct JsonPart {
  const JsonDocument* document = nullptr;
  std::uint32_t node = JsonDocument::root;
};
// An order of all values, in which equal ones are equal in JSON: whatever the order of keys and the form of numbers.
int compare(const JsonPart& left, const JsonPart& right, Work& work);

// For people: a short value as it is, of others what they are ("an object").
std::string shown(const JsonPart& part);

}  // namespace parley::codec
