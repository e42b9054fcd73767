#include "codec/dynamic_value.h"

// The tables by which JSON reads and writes a DynamicValue.
namespace parley::codec {
namespace {

DynamicValue& at(void* value) { return *static_cast<DynamicValue*>(value); }
const DynamicValue& at(const void* value) { return *static_cast<const DynamicValue*>(value); }

// --- to read

void* read_part(void* value, std::size_t index) {
  DynamicValue& whole = at(value);
  const DynamicType& type = whole.type();
  switch (type.shape) {
    case JsonShape::array: return &whole.parts()[index];
    case JsonShape::tuple:
    case JsonShape::structure: return &whole.parts()[type.wire_index[index]];
    case JsonShape::variant:
    case JsonShape::either: return whole.choose(index);
    default: return whole.choose(0);
  }
}

void clear(void* value) { at(value).reset(); }

void set_position(void* value, std::size_t position) { at(value).set_position(position); }
void set_default(void* value, std::size_t position) {
  DynamicValue& whole = at(value);
  const DynamicType& type = whole.type();
  whole.parts()[type.wire_index[position]] = type.default_of(position).clone();
}
void set_text(void* value, std::string_view text) { at(value).text() = text; }
void set_bytes(void* value, std::vector<std::uint8_t>& bytes) { at(value).text() = as_text(bytes); }

void* add(void* value) { return &at(value).add(); }
void* make_staged(const JsonReadType& container) {
  return std::make_unique<DynamicValue>(*static_cast<const DynamicType&>(container).wire_parts[0]).release();
}
void drop_staged(void* staged) { std::unique_ptr<DynamicValue>(&at(staged)).reset(); }
void* settle(void* value, void* staged) { return at(value).settle(at(staged)); }

// --- to write

const void* write_part(const void* value, std::size_t index) {
  const DynamicValue& whole = at(value);
  const DynamicType& type = whole.type();
  switch (type.shape) {
    case JsonShape::array: return &whole.parts()[index];
    case JsonShape::tuple:
    case JsonShape::structure: return &whole.parts()[type.wire_index[index]];
    default: return whole.parts().empty() ? nullptr : &whole.parts()[0];
  }
}

std::size_t position_of(const void* value) { return at(value).position(); }
std::string_view text_of(const void* value) { return at(value).text(); }

void visit_each(const void* value, void* context, JsonVisit visit) {
  const DynamicValue& whole = at(value);
  const std::vector<DynamicValue>& parts = whole.parts();
  const bool is_map = whole.type().kind() == DescribedKind::map;
  for (std::size_t i = 0; i < parts.size(); i += is_map ? 2 : 1) {
    if (!visit(context, &parts[i], is_map ? &parts[i + 1] : nullptr)) return;
  }
}

// --- what they say

bool is_integer(DescribedKind kind) { return kind >= DescribedKind::u8 && kind <= DescribedKind::i128; }

JsonShape shape_of(DescribedKind kind, const std::vector<const DynamicType*>& parts) {
  using enum DescribedKind;
  switch (kind) {
    case unit:
    case tx:
    case rx: return JsonShape::null;
    case boolean: return JsonShape::boolean;
    case f32:
    case f64: return JsonShape::floating;
    case character: return JsonShape::character;
    case text: return JsonShape::text;
    case bytes: return JsonShape::bytes;
    case duration: return JsonShape::duration;
    case option: return JsonShape::optional;
    case list:
    case set: return JsonShape::list;
    case map: {
      const DescribedKind key = parts[0]->kind();
      return is_integer(key) || key == text || key == enumeration ? JsonShape::map : JsonShape::pairs;
    }
    case array: return JsonShape::array;
    case tuple: return JsonShape::tuple;
    case boxed: return JsonShape::holder;
    case newtype: return JsonShape::newtype;
    case structure: return parts.empty() ? JsonShape::empty : JsonShape::structure;
    case enumeration: return JsonShape::enumeration;
    case variant: return JsonShape::variant;
    case either: return JsonShape::either;
    default: return JsonShape::integer;
  }
}

std::uint8_t number_bytes_of(DescribedKind kind) {
  using enum DescribedKind;
  if (!is_integer(kind)) return kind == f32 ? 4 : 8;
  const auto doublings = static_cast<unsigned>(kind) - static_cast<unsigned>(kind >= i8 ? i8 : u8);
  return static_cast<std::uint8_t>(1u << doublings);
}

}  // namespace

bool DynamicType::has_content() const {
  return kind() == DescribedKind::text || kind() == DescribedKind::bytes || (!wire_parts.empty() && !is_channel());
}

std::size_t DynamicType::memory() const {
  return sizeof(DynamicValue) + (has_content() ? sizeof(DynamicValue::Content) : 0);
}

void DynamicType::set_shape() {
  shape = shape_of(kind(), wire_parts);
  if (shape == JsonShape::integer || shape == JsonShape::floating) number_bytes = number_bytes_of(kind());
  is_signed = kind() >= DescribedKind::i8 && kind() <= DescribedKind::i128;
}

void DynamicType::set_tables() {
  const bool has_names = !description->parts.empty() && !description->parts[0].name.empty();
  const bool lacks_channels = shape == JsonShape::tuple || shape == JsonShape::structure;
  for (std::size_t i = 0; i < description->parts.size(); ++i) {
    const DynamicType* const part = i < wire_parts.size() ? wire_parts[i] : nullptr;
    if (lacks_channels && part->is_channel()) continue;
    wire_index.push_back(i);
    read_parts_.push_back(part);
    write_parts_.push_back(part ? &part->writing : nullptr);
    if (has_names) names_.emplace_back(description->parts[i].name);
  }
  if (shape == JsonShape::either) names_ = {"ok", "error"};
  const DynamicType* held = this;
  while (held->shape == JsonShape::holder || held->shape == JsonShape::newtype) held = held->wire_parts[0];
  may_be_null = held->shape == JsonShape::null || held->shape == JsonShape::optional;
  count = shape == JsonShape::array ? description->count : read_parts_.size();
  names = names_.data();
  parts = read_parts_.data();
  const std::size_t field_count = shape == JsonShape::structure ? count : 0;
  presence_.assign(field_count, JsonPresence::required);
  presence = presence_.data();
  defaults_.resize(field_count);
  set_functions();
  set_memory();
  writing.shape = shape;
  writing.may_be_null = may_be_null;
  writing.is_signed = is_signed;
  writing.number_bytes = number_bytes;
  writing.count = count;
  writing.names = names;
  writing.parts = write_parts_.data();
  writing.presence = presence;
}

void DynamicType::set_functions() {
  part = read_part;
  JsonReadType::clear = codec::clear;
  set = shape == JsonShape::enumeration ? codec::set_position : codec::set_default;
  JsonReadType::set_text = codec::set_text;
  JsonReadType::set_bytes = codec::set_bytes;
  const bool is_staged = kind() == DescribedKind::set || kind() == DescribedKind::map;
  if (is_staged) {
    JsonReadType::make_staged = codec::make_staged;
    JsonReadType::drop_staged = codec::drop_staged;
    JsonReadType::settle = codec::settle;
  } else {
    JsonReadType::add = codec::add;
  }
  writing.part = write_part;
  writing.position = position_of;
  writing.text = text_of;
  writing.each = visit_each;
}

// memory_own is taken by what a value always has, or by the largest of what it may be; memory_each by an element.
void DynamicType::set_memory() {
  constexpr std::size_t key_memory = 2 * detail::json_node_memory;
  std::size_t sum = 0;
  std::size_t largest = 0;
  for (const DynamicType* one : wire_parts) {
    if (!one) continue;
    sum += one->memory();
    largest = std::max(largest, one->memory());
  }
  using enum DescribedKind;
  switch (kind()) {
    case list: memory_each = sum; break;
    case set:
    case map: memory_each = sum + key_memory; break;
    case array: memory_own = sum * description->count; break;
    case tuple:
    case structure: memory_own = sum; break;
    case option: memory_own = memory_each = sum; break;
    case boxed:
    case newtype: memory_each = sum; break;
    default: memory_own = largest;
  }
}

void DynamicType::set_optional() {
  for (std::size_t i = 0; i < presence_.size(); ++i) {
    if (read_parts_[i]->shape == JsonShape::optional) presence_[i] = JsonPresence::optional;
  }
}

void DynamicType::set_default(std::size_t index, DynamicValue value) {
  memory_own += value.memory();
  defaults_[index] = std::make_unique<DynamicValue>(std::move(value));
  presence_[index] = JsonPresence::has_default;
}

}  // namespace parley::codec
