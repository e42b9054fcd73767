#include "codec/json_document.h"

#include <algorithm>

#include "codec/json_note.h"
#include "codec/json_parser.h"
#include "codec/json_text.h"

namespace parley::codec {

class JsonDocumentBuilder final : public JsonEvents {
 public:
  bool on_null() override { return add({}); }
  bool on_bool(bool value) override { return add({.kind = JsonKind::boolean, .flag = value}); }
  bool on_number(std::string_view number) override;
  bool on_string(std::string_view text) override { return add(string(text)); }
  bool on_array_begin() override { return open(JsonKind::array); }
  bool on_object_begin() override { return open(JsonKind::object); }
  bool on_key(std::string_view key) override {
    document_.nodes_.push_back(string(key));
    keys_.push_back({static_cast<std::uint32_t>(document_.nodes_.size() - 1), 0});
    return true;
  }
  bool on_array_end() override;
  bool on_object_end() override;

  JsonDocument take() { return std::move(document_); }
  const std::string& note() const { return note_; }

 private:
  // An array or object whose end has not come, and where its own parts begin in those that wait.
  struct Open {
    std::uint32_t node = 0;
    std::size_t first = 0;
  };

  JsonDocument::Node string(std::string_view text) {
    const auto begin = static_cast<std::uint32_t>(document_.texts_.size());
    document_.texts_ += text;
    return {.kind = JsonKind::string, .begin = begin, .size = static_cast<std::uint32_t>(text.size())};
  }
  bool add(const JsonDocument::Node& node);
  bool open(JsonKind kind);

  JsonDocument document_;
  std::vector<Open> open_;
  std::vector<std::uint32_t> waiting_;      // elements of arrays that are open
  std::vector<JsonDocument::Member> keys_;  // members of objects that are open
  std::string note_;
};

bool JsonDocumentBuilder::add(const JsonDocument::Node& node) {
  const auto number = static_cast<std::uint32_t>(document_.nodes_.size());
  document_.nodes_.push_back(node);
  if (open_.empty()) return true;
  if (document_.nodes_[open_.back().node].kind == JsonKind::array) {
    waiting_.push_back(number);
  } else {
    keys_.back().node = number;
  }
  return true;
}

bool JsonDocumentBuilder::open(JsonKind kind) {
  add({.kind = kind});
  open_.push_back({static_cast<std::uint32_t>(document_.nodes_.size() - 1),
                   kind == JsonKind::array ? waiting_.size() : keys_.size()});
  return true;
}

bool JsonDocumentBuilder::on_number(std::string_view number) {
  JsonDocument::Node node{.kind = JsonKind::number, .flag = number.starts_with('-')};
  if (node.flag) number.remove_prefix(1);
  std::int64_t exponent = 0;
  if (const std::size_t e = number.find_first_of("eE"); e != std::string_view::npos) {
    // The parser has refused what is beyond the range of an int.
    const bool is_negative = number[e + 1] == '-';
    for (const char letter : number.substr(e + 1)) {
      if (letter >= '0') exponent = std::min<std::int64_t>(exponent * 10 + (letter - '0'), std::int64_t{1} << 40);
    }
    if (is_negative) exponent = -exponent;
    number = number.substr(0, e);
  }
  std::string& texts = document_.texts_;
  node.begin = static_cast<std::uint32_t>(texts.size());
  const std::size_t whole = std::min(number.find('.'), number.size());
  node.point = static_cast<std::int64_t>(whole) + exponent;
  bool has_begun = false;
  for (const char letter : number) {
    if (letter == '.') continue;
    if (!has_begun && letter == '0') {
      --node.point;
      continue;
    }
    has_begun = true;
    texts += letter;
  }
  while (texts.size() > node.begin && texts.back() == '0') texts.pop_back();
  node.size = static_cast<std::uint32_t>(texts.size()) - node.begin;
  if (node.size == 0) {
    node.point = 0;
    node.flag = false;
  }
  return add(node);
}

bool JsonDocumentBuilder::on_array_end() {
  const Open open = open_.back();
  open_.pop_back();
  JsonDocument::Node& node = document_.nodes_[open.node];
  node.begin = static_cast<std::uint32_t>(document_.elements_.size());
  node.size = static_cast<std::uint32_t>(waiting_.size() - open.first);
  document_.elements_.insert(document_.elements_.end(), waiting_.begin() + static_cast<std::ptrdiff_t>(open.first),
                             waiting_.end());
  waiting_.resize(open.first);
  return true;
}

bool JsonDocumentBuilder::on_object_end() {
  const Open open = open_.back();
  open_.pop_back();
  const std::span<JsonDocument::Member> own = std::span(keys_).subspan(open.first);
  const auto key = [&](const JsonDocument::Member& member) { return document_.key(member); };
  std::ranges::sort(own, {}, key);
  if (const auto twice = std::ranges::adjacent_find(own, {}, key); twice != own.end()) {
    note_ = "the key " + quoted_start(key(*twice)) + " is in one object twice";
    return false;
  }
  JsonDocument::Node& node = document_.nodes_[open.node];
  node.begin = static_cast<std::uint32_t>(document_.members_.size());
  node.size = static_cast<std::uint32_t>(own.size());
  document_.members_.insert(document_.members_.end(), own.begin(), own.end());
  keys_.resize(open.first);
  return true;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, Bounds bounds) {
  const std::size_t bytes_max = std::min<std::size_t>(bounds.text_bytes_max, std::size_t{1} << 30);
  if (text.size() > bytes_max) {
    return fail(Code::json, "the text has " + std::to_string(text.size()) + " bytes, and " + std::to_string(bytes_max) +
                                " are allowed");
  }
  JsonDocumentBuilder builder;
  const JsonParse parse = parse_json(text, builder, bounds.depth_max);
  if (parse.end == JsonParse::End::finished) return builder.take();
  const JsonPosition position = position_in(text, parse.at);
  return fail(Code::json,
              "line " + std::to_string(position.line) + ", column " + std::to_string(position.column) + ": " +
                  (parse.end == JsonParse::End::stopped ? builder.note() : what_ends(parse, text, bounds.depth_max)));
}

std::uint32_t JsonDocument::find(std::uint32_t object, std::string_view wanted) const {
  const std::span<const Member> all = members(object);
  const auto at = std::ranges::lower_bound(all, wanted, {}, [&](const Member& member) { return key(member); });
  return at != all.end() && key(*at) == wanted ? at->node : none;
}

namespace {

template <class T>
int order(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

int compare_members(const JsonPart& left, const JsonPart& right, Work& work) {
  const auto left_members = left.document->members(left.node);
  const auto right_members = right.document->members(right.node);
  if (left_members.size() != right_members.size()) return order(left_members.size(), right_members.size());
  for (std::size_t i = 0; i < left_members.size(); ++i) {
    const std::string_view key = left.document->key(left_members[i]);
    if (!work.spend(1 + key.size() / 16)) return 0;
    if (const int keys = order(key, right.document->key(right_members[i])); keys != 0) return keys;
    const int values =
        compare(JsonPart{left.document, left_members[i].node}, JsonPart{right.document, right_members[i].node}, work);
    if (values != 0) return values;
  }
  return 0;
}

}  // namespace

int compare(const JsonDecimal& left, const JsonDecimal& right) {
  const auto sign = [](const JsonDecimal& number) { return number.digits.empty() ? 0 : number.is_negative ? -1 : 1; };
  if (sign(left) != sign(right)) return order(sign(left), sign(right));
  int larger = order(left.point, right.point);
  if (larger == 0) larger = order(left.digits, right.digits);
  return left.is_negative ? -larger : larger;
}

std::string to_string(const JsonDecimal& number) {
  constexpr std::int64_t plain_max = 24;
  if (number.digits.empty()) return "0";
  std::string out = number.is_negative ? "-" : "";
  const auto size = static_cast<std::int64_t>(number.digits.size());
  if (number.point > plain_max || number.point < -plain_max || size > 2 * plain_max) {
    out += number.digits[0];
    if (size > 1) out += '.' + text_start(number.digits.substr(1));
    return out + "e" + std::to_string(number.point - 1);
  }
  if (number.point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-number.point), '0');
    out += number.digits;
  } else if (number.is_integer()) {
    out += number.digits;
    out.append(static_cast<std::size_t>(number.point - size), '0');
  } else {
    const auto whole = static_cast<std::size_t>(number.point);
    out += number.digits.substr(0, whole);
    out += '.';
    out += number.digits.substr(whole);
  }
  return out;
}

int compare(const JsonPart& left, const JsonPart& right, Work& work) {
  const JsonDocument::Node& one = left.document->node(left.node);
  const JsonDocument::Node& other = right.document->node(right.node);
  if (!work.spend(1 + std::min(one.size, other.size) / 16)) return 0;
  if (one.kind != other.kind) return order(one.kind, other.kind);
  switch (one.kind) {
    case JsonKind::null: return 0;
    case JsonKind::boolean: return order(one.flag, other.flag);
    case JsonKind::number: return compare(left.document->decimal(left.node), right.document->decimal(right.node));
    case JsonKind::string: return order(left.document->text(left.node), right.document->text(right.node));
    case JsonKind::object: return compare_members(left, right, work);
    case JsonKind::array: break;
  }
  if (one.size != other.size) return order(one.size, other.size);
  const auto left_elements = left.document->elements(left.node);
  const auto right_elements = right.document->elements(right.node);
  for (std::size_t i = 0; i < left_elements.size(); ++i) {
    const int elements =
        compare(JsonPart{left.document, left_elements[i]}, JsonPart{right.document, right_elements[i]}, work);
    if (elements != 0) return elements;
  }
  return 0;
}

std::string shown(const JsonPart& part) {
  const JsonDocument& document = *part.document;
  switch (document.kind(part.node)) {
    case JsonKind::null: return "null";
    case JsonKind::boolean: return document.boolean(part.node) ? "true" : "false";
    case JsonKind::number: return to_string(document.decimal(part.node));
    case JsonKind::string: return quoted_start(document.text(part.node));
    case JsonKind::array: return document.elements(part.node).empty() ? "[]" : "an array";
    case JsonKind::object: return document.members(part.node).empty() ? "{}" : "an object";
  }
  return {};
}

}  // namespace parley::codec
