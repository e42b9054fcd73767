#include "codec/dynamic_value.h"

namespace parley::codec {
namespace {

template <class T>
bool decode_scalar(Reader& reader, DynamicValue& value) {
  T scalar{};
  if (!decode(reader, scalar)) return false;
  value.set_scalar(scalar);
  return true;
}
template <class T>
void encode_scalar(Writer& writer, const DynamicValue& value) {
  encode(writer, value.scalar<T>());
}

// function.template operator()<T>() for the type T that the scalar is; false where it is none.
template <class Function>
bool with_scalar(DescribedKind kind, Function function) {
  using enum DescribedKind;
  switch (kind) {
    case boolean: function.template operator()<bool>(); return true;
    case u8: function.template operator()<std::uint8_t>(); return true;
    case u16: function.template operator()<std::uint16_t>(); return true;
    case u32: function.template operator()<std::uint32_t>(); return true;
    case u64: function.template operator()<std::uint64_t>(); return true;
    case u128: function.template operator()<unsigned __int128>(); return true;
    case i8: function.template operator()<std::int8_t>(); return true;
    case i16: function.template operator()<std::int16_t>(); return true;
    case i32: function.template operator()<std::int32_t>(); return true;
    case duration:
    case i64: function.template operator()<std::int64_t>(); return true;
    case i128: function.template operator()<__int128>(); return true;
    case f32: function.template operator()<float>(); return true;
    case f64: function.template operator()<double>(); return true;
    case character: function.template operator()<char32_t>(); return true;
    default: return false;
  }
}

// What tells keys of one type apart.
std::string key_of(const DynamicValue& key) {
  const DynamicType& type = key.type();
  if (type.kind() == DescribedKind::text || type.kind() == DescribedKind::bytes) return key.text();
  if (!type.has_content()) {
    const bool is_zero = (type.kind() == DescribedKind::f32 && key.scalar<float>() == 0) ||
                         (type.kind() == DescribedKind::f64 && key.scalar<double>() == 0);
    using Bits = std::array<char, 16>;
    const Bits bits = is_zero ? Bits() : key.scalar<Bits>();
    return {bits.data(), bits.size()};
  }
  // One that cannot be encoded is found out with the whole.
  const Result<std::vector<std::uint8_t>> encoded = dynamic_bytes(key);
  return encoded ? std::string(as_text(*encoded)) : std::string();
}

bool decode_parts(Reader& reader, DynamicValue& value) {
  for (DynamicValue& part : value.parts()) {
    if (!decode_dynamic(reader, part)) return false;
  }
  return true;
}

bool decode_elements(Reader& reader, DynamicValue& value) {
  const DynamicType& type = value.type();
  std::size_t bytes_min = 0;
  for (const DynamicType* part : type.wire_parts) bytes_min += part->bytes_min;
  std::size_t count = 0;
  if (!reader.get_count(bytes_min, type.memory_each, count)) return false;
  if (type.is_level && !reader.enter()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (type.kind() == DescribedKind::list) {
      if (!decode_dynamic(reader, value.add())) return false;
      continue;
    }
    DynamicValue key(*type.wire_parts[0]);
    if (!decode_dynamic(reader, key)) return false;
    DynamicValue* const place = value.settle(key);
    if (!place) return reader.fail(Fault::duplicate);
    if (type.kind() == DescribedKind::map && !decode_dynamic(reader, *place)) return false;
  }
  if (type.is_level) reader.leave();
  return true;
}

bool decode_choice(Reader& reader, DynamicValue& value) {
  std::size_t position = 0;
  if (!reader.get_position(value.type().count, position)) return false;
  if (!value.type().has_content()) {
    value.set_position(position);
    return true;
  }
  if (!reader.charge(1, value.type().memory_own)) return false;
  DynamicValue* const chosen = value.choose(position);
  return !chosen || decode_dynamic(reader, *chosen);
}

bool decode_held(Reader& reader, DynamicValue& value) {
  const DynamicType& type = value.type();
  if (!reader.charge(1, type.memory_each)) return false;
  if (type.is_level && !reader.enter()) return false;
  if (!decode_dynamic(reader, *value.choose(0))) return false;
  if (type.is_level) reader.leave();
  return true;
}

void encode_all(Writer& writer, const DynamicValue& value) {
  const bool is_level = value.type().is_level;
  if (is_level && !writer.enter()) return;
  for (const DynamicValue& part : value.parts()) encode_dynamic(writer, part);
  if (is_level) writer.leave();
}

}  // namespace

DynamicValue::DynamicValue(const DynamicType& type)
    : type_(&type), content_(type.has_content() ? std::make_unique<Content>() : nullptr) {}

DynamicValue DynamicValue::clone() const {
  DynamicValue copy(*type_);
  copy.scalar_ = scalar_;
  if (!content_) return copy;
  copy.content_->text = content_->text;
  copy.content_->taken = content_->taken;
  for (const DynamicValue& part : content_->parts) copy.content_->parts.push_back(part.clone());
  return copy;
}

std::size_t DynamicValue::memory() const {
  std::size_t sum = type_->memory();
  if (!content_) return sum;
  sum += content_->text.size();
  for (const std::string& key : content_->taken) sum += detail::json_node_memory + key.size();
  for (const DynamicValue& part : content_->parts) sum += part.memory();
  return sum;
}

void DynamicValue::reset() {
  if (!content_) return;
  content_->parts.clear();
  content_->taken.clear();
  if (type_->kind() == DescribedKind::array) {
    content_->parts.reserve(type_->count);
    for (std::size_t i = 0; i < type_->count; ++i) content_->parts.emplace_back(*type_->wire_parts[0]);
  } else if (type_->kind() == DescribedKind::tuple || type_->kind() == DescribedKind::structure) {
    content_->parts.reserve(type_->wire_parts.size());
    for (const DynamicType* part : type_->wire_parts) content_->parts.emplace_back(*part);
  }
}

DynamicValue* DynamicValue::choose(std::size_t index) {
  set_position(index);
  if (!content_) return nullptr;
  content_->parts.clear();
  const DynamicType* const part = type_->wire_parts[index];
  return part ? &content_->parts.emplace_back(*part) : nullptr;
}

DynamicValue& DynamicValue::add() { return content_->parts.emplace_back(*type_->wire_parts[0]); }

DynamicValue* DynamicValue::settle(DynamicValue& staged) {
  if (!content_->taken.insert(key_of(staged)).second) return nullptr;
  content_->parts.push_back(std::move(staged));
  staged = DynamicValue(*type_->wire_parts[0]);
  return type_->kind() == DescribedKind::map ? &content_->parts.emplace_back(*type_->wire_parts[1]) : this;
}

bool decode_dynamic(Reader& reader, DynamicValue& value) {
  const DynamicType& type = value.type();
  using enum DescribedKind;
  switch (type.kind()) {
    case unit:
    case tx:
    case rx: return true;
    case text: {
      std::string_view view;
      if (!reader.get_text(view)) return false;
      value.text() = view;
      return true;
    }
    case bytes: {
      ByteView view;
      if (!reader.get_bytes(view)) return false;
      value.text() = as_text(view);
      return true;
    }
    case list:
    case set:
    case map: return decode_elements(reader, value);
    case array:
    case tuple:
    case structure:
      if (!value.type().has_content()) return true;
      if (!reader.charge(1, type.memory_own)) return false;
      value.reset();
      return decode_parts(reader, value);
    case option: {
      bool is_there = false;
      if (!reader.get_mark(is_there)) return false;
      return !is_there || decode_held(reader, value);
    }
    case boxed:
    case newtype: return decode_held(reader, value);
    case enumeration:
    case variant:
    case either: return decode_choice(reader, value);
    default: break;
  }
  bool is_decoded = false;
  with_scalar(type.kind(), [&]<class T>() { is_decoded = decode_scalar<T>(reader, value); });
  return is_decoded;
}

void encode_dynamic(Writer& writer, const DynamicValue& value) {
  const DynamicType& type = value.type();
  if (with_scalar(type.kind(), [&]<class T>() { encode_scalar<T>(writer, value); })) return;
  using enum DescribedKind;
  switch (type.kind()) {
    case text:
    case bytes: writer.put_text(value.text()); return;
    case list:
    case set: writer.put_varint(value.parts().size()); break;
    case map: writer.put_varint(value.parts().size() / 2); break;
    case option: writer.put_varint(value.parts().size()); break;
    case enumeration:
    case variant:
    case either: writer.put_varint(value.position()); break;
    default: break;
  }
  if (type.has_content()) encode_all(writer, value);
}

Result<std::vector<std::uint8_t>> dynamic_bytes(const DynamicValue& value) {
  BlockPool pool(1024, 0);
  OutBuffer out(pool);
  Writer writer(out);
  encode_dynamic(writer, value);
  if (writer.fault() != Fault::none) return fail(Code::json, std::string(to_string(writer.fault())));
  out.commit(writer.cursor());
  return std::vector<std::uint8_t>(out.pending().begin(), out.pending().end());
}

}  // namespace parley::codec
