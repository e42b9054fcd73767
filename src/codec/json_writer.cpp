#include "codec/json_writer.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "codec/base64.h"
#include "codec/fault.h"
#include "codec/json_note.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

template <class T>
T load(const void* from) {
  T number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

JsonInteger load_integer(const JsonWriteType& type, const void* from) {
  __int128 number = 0;
  switch (type.number_bytes) {
    case 1: number = type.is_signed ? load<std::int8_t>(from) : load<std::uint8_t>(from); break;
    case 2: number = type.is_signed ? load<std::int16_t>(from) : load<std::uint16_t>(from); break;
    case 4: number = type.is_signed ? __int128{load<std::int32_t>(from)} : load<std::uint32_t>(from); break;
    case 8: number = type.is_signed ? __int128{load<std::int64_t>(from)} : load<std::uint64_t>(from); break;
    default: number = load<__int128>(from);
  }
  const bool is_negative = type.is_signed && number < 0;
  const auto bits = static_cast<unsigned __int128>(number);
  return {is_negative ? -bits : bits, is_negative};
}

// Appends values to a text. After a fault it has the path to what is wrong, and the text is of no use.
class JsonWriter {
 public:
  JsonWriter(std::string& out, JsonStyle style, std::size_t text_bytes_max)
      : out_(&out), is_pretty_(style == JsonStyle::pretty), text_bytes_max_(text_bytes_max) {}

  bool write(const JsonWriteType& type, const void* value);
  Error error() const {
    return {Code::json, "at " + shortened_path("$" + path_) + ": " + std::string(to_string(fault_))};
  }

 private:
  // The elements of one object or array, as they are written.
  struct Inside {
    JsonWriter* writer;
    const JsonWriteType* type;
    std::size_t count = 0;
    bool is_good = true;
  };

  bool write_scalar(const JsonWriteType& type, const void* value);
  bool write_text(std::string_view text);
  template <class T>
  bool write_floating(T value);
  bool write_key(const JsonWriteType& type, const void* key);
  static std::string key_text(const JsonWriteType& type, const void* key);
  bool write_optional(const JsonWriteType& type, const void* value);
  bool write_held(const JsonWriteType& type, const void* value);
  bool write_structure(const JsonWriteType& type, const void* value);
  bool write_row(const JsonWriteType& type, const void* value);
  bool write_list(const JsonWriteType& type, const void* value);
  bool write_choice(const JsonWriteType& type, const void* value);
  bool write_named(std::string_view name, const JsonWriteType& type, const void* value);
  bool visit(Inside& inside, const void* element, const void* mapped);

  bool open(char bracket);
  void close(char bracket, bool is_empty);
  void separate(bool is_first);
  void put_name(std::string_view name);

  bool fail(Fault fault) {
    fault_ = fault;
    return false;
  }
  // The path is put together from its end, on the way back.
  template <class Step>
  bool fail_inside(const Step& step) {
    std::string front;
    put_step(front, step);
    path_.insert(0, front);
    return false;
  }

  std::string* out_;
  bool is_pretty_;
  std::size_t text_bytes_max_;
  std::size_t depth_ = 0;
  Fault fault_ = Fault::none;
  std::string path_;
};

bool JsonWriter::write(const JsonWriteType& type, const void* value) {
  if (out_->size() > text_bytes_max_) return fail(Fault::memory);
  switch (type.shape) {
    case JsonShape::optional: return write_optional(type, value);
    case JsonShape::holder:
    case JsonShape::newtype: return write_held(type, value);
    case JsonShape::structure: return write_structure(type, value);
    case JsonShape::array:
    case JsonShape::tuple: return write_row(type, value);
    case JsonShape::list:
    case JsonShape::map:
    case JsonShape::pairs: return write_list(type, value);
    case JsonShape::variant:
    case JsonShape::either: return write_choice(type, value);
    default: return write_scalar(type, value);
  }
}

bool JsonWriter::write_scalar(const JsonWriteType& type, const void* value) {
  switch (type.shape) {
    case JsonShape::null: *out_ += "null"; return true;
    case JsonShape::empty: *out_ += "{}"; return true;
    case JsonShape::boolean: *out_ += load<bool>(value) ? "true" : "false"; return true;
    case JsonShape::integer: {
      const JsonInteger integer = load_integer(type, value);
      const bool is_string = integer.magnitude > json_integer_max;
      if (is_string) *out_ += '"';
      put_decimal(*out_, integer);
      if (is_string) *out_ += '"';
      return true;
    }
    case JsonShape::floating:
      return type.number_bytes == sizeof(float) ? write_floating(load<float>(value))
                                                : write_floating(load<double>(value));
    case JsonShape::character: {
      const auto scalar = load<char32_t>(value);
      if (!is_scalar(scalar)) return fail(Fault::char_value);
      std::uint8_t bytes[scalar_bytes_max];
      const std::uint8_t* const end = put_scalar(bytes, scalar);
      put_quoted(*out_, as_text({bytes, static_cast<std::size_t>(end - bytes)}));
      return true;
    }
    case JsonShape::bytes:
      *out_ += '"';
      put_base64(*out_, as_bytes(type.text(value)));
      *out_ += '"';
      return true;
    case JsonShape::duration:
      *out_ += '"';
      put_duration(*out_, load<std::int64_t>(value));
      *out_ += '"';
      return true;
    case JsonShape::enumeration: {
      const std::size_t position = type.position(value);
      if (position >= type.count) return fail(Fault::enumerator);
      put_quoted(*out_, type.names[position]);
      return true;
    }
    default: return write_text(type.text(value));
  }
}

bool JsonWriter::write_text(std::string_view text) {
  if (!is_utf8(as_bytes(text))) return fail(Fault::utf8);
  put_quoted(*out_, text);
  return true;
}

template <class T>
bool JsonWriter::write_floating(T value) {
  if (std::isfinite(value)) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    out_->append(digits, end.ptr);
  } else {
    *out_ += std::isnan(value) ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  }
  return true;
}

// Keys are texts, integers or enumerators.
bool JsonWriter::write_key(const JsonWriteType& type, const void* key) {
  if (type.shape == JsonShape::integer) {
    put_quoted(*out_, key_text(type, key));
  } else if (!write_scalar(type, key)) {
    return false;
  }
  *out_ += is_pretty_ ? ": " : ":";
  return true;
}

std::string JsonWriter::key_text(const JsonWriteType& type, const void* key) {
  if (type.shape == JsonShape::text) return std::string(type.text(key));
  if (type.shape == JsonShape::enumeration) return std::string(type.names[type.position(key)]);
  std::string digits;
  put_decimal(digits, load_integer(type, key));
  return digits;
}

bool JsonWriter::write_optional(const JsonWriteType& type, const void* value) {
  const void* const content = type.part(value, 0);
  if (!content) {
    *out_ += "null";
    return true;
  }
  return type.parts[0]->may_be_null ? write_named("some", *type.parts[0], content) : write(*type.parts[0], content);
}

bool JsonWriter::write_held(const JsonWriteType& type, const void* value) {
  const void* const content = type.part(value, 0);
  if (!content) return fail(Fault::null_pointer);
  return write(*type.parts[0], content);
}

bool JsonWriter::write_structure(const JsonWriteType& type, const void* value) {
  if (!open('{')) return false;
  bool is_first = true;
  for (std::size_t i = 0; i < type.count; ++i) {
    const void* const field = type.part(value, i);
    if (type.presence[i] == JsonPresence::optional && !type.parts[i]->part(field, 0)) continue;
    separate(is_first);
    is_first = false;
    put_name(type.names[i]);
    if (!write(*type.parts[i], field)) return fail_inside(type.names[i]);
  }
  close('}', is_first);
  return true;
}

bool JsonWriter::write_row(const JsonWriteType& type, const void* value) {
  if (!open('[')) return false;
  for (std::size_t i = 0; i < type.count; ++i) {
    separate(i == 0);
    const JsonWriteType& part = *type.parts[type.shape == JsonShape::array ? 0 : i];
    if (!write(part, type.part(value, i))) return fail_inside(i);
  }
  close(']', type.count == 0);
  return true;
}

bool JsonWriter::write_list(const JsonWriteType& type, const void* value) {
  const bool is_object = type.shape == JsonShape::map;
  if (!open(is_object ? '{' : '[')) return false;
  Inside inside{this, &type};
  type.each(value, &inside, [](void* context, const void* element, const void* mapped) {
    Inside& here = *static_cast<Inside*>(context);
    here.is_good = here.writer->visit(here, element, mapped);
    ++here.count;
    return here.is_good;
  });
  if (!inside.is_good) return false;
  close(is_object ? '}' : ']', inside.count == 0);
  return true;
}

bool JsonWriter::visit(Inside& inside, const void* element, const void* mapped) {
  const JsonWriteType& type = *inside.type;
  separate(inside.count == 0);
  switch (type.shape) {
    case JsonShape::map:
      if (!write_key(*type.parts[0], element)) return false;
      return write(*type.parts[1], mapped) || fail_inside(std::string_view(key_text(*type.parts[0], element)));
    case JsonShape::pairs:
      if (!open('[')) return fail_inside(inside.count);
      separate(true);
      if (!write(*type.parts[0], element)) {
        fail_inside(std::size_t{0});
        return fail_inside(inside.count);
      }
      separate(false);
      if (!write(*type.parts[1], mapped)) {
        fail_inside(std::size_t{1});
        return fail_inside(inside.count);
      }
      close(']', false);
      return true;
    default: return write(*type.parts[0], element) || fail_inside(inside.count);
  }
}

bool JsonWriter::write_choice(const JsonWriteType& type, const void* value) {
  const std::size_t position = type.position(value);
  if (position >= type.count) return fail(Fault::variant);
  const std::string_view name = type.names[position];
  if (type.parts[position]) return write_named(name, *type.parts[position], type.part(value, position));
  put_quoted(*out_, name);
  return true;
}

bool JsonWriter::write_named(std::string_view name, const JsonWriteType& type, const void* value) {
  if (!open('{')) return false;
  separate(true);
  put_name(name);
  if (!write(type, value)) return fail_inside(name);
  close('}', false);
  return true;
}

bool JsonWriter::open(char bracket) {
  if (depth_ == json_depth_default) return fail(Fault::depth);
  ++depth_;
  *out_ += bracket;
  return true;
}

void JsonWriter::close(char bracket, bool is_empty) {
  --depth_;
  if (is_pretty_ && !is_empty) {
    *out_ += '\n';
    out_->append(2 * depth_, ' ');
  }
  *out_ += bracket;
}

void JsonWriter::separate(bool is_first) {
  if (!is_first) *out_ += ',';
  if (!is_pretty_) return;
  *out_ += '\n';
  out_->append(2 * depth_, ' ');
}

void JsonWriter::put_name(std::string_view name) {
  put_quoted(*out_, name);
  *out_ += is_pretty_ ? ": " : ":";
}

}  // namespace

Result<void> write_json(std::string& out, const JsonWriteType& type, const void* value, JsonStyle style,
                        std::size_t text_bytes_max) {
  const std::size_t before = out.size();
  JsonWriter writer(out, style, text_bytes_max);
  if (writer.write(type, value)) return {};
  out.resize(before);
  return fail(writer.error());
}

}  // namespace parley::codec
