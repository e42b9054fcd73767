#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/description.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "codec/postcard_reader.h"
#include "codec/postcard_writer.h"

// Values of described types, which the reader and the writer of JSON fill and look at through the same tables as those
// of the compiler's types, and which are postcard by interpretation. What the Transcoder (codec/dynamic.h) is made of.
namespace parley::codec {

struct DynamicType;

// A value of its type, which outlives it. Scalars lie at its begin in their own width, as the tables of JSON have it.
class DynamicValue {
 public:
  struct Content {
    std::string text;                 // of texts; the bytes of bytes
    std::vector<DynamicValue> parts;  // of maps keys and values in turn
    std::set<std::string> taken;      // of sets and maps: their keys
  };

  explicit DynamicValue(const DynamicType& type);
  DynamicValue clone() const;
  std::size_t memory() const;  // that it takes, with all in it

  const DynamicType& type() const { return *type_; }
  template <class T>
  T scalar() const {
    static_assert(sizeof(T) <= sizeof scalar_);
    T value;
    std::memcpy(&value, scalar_.data(), sizeof value);
    return value;
  }
  template <class T>
  void set_scalar(T value) {
    static_assert(sizeof(T) <= sizeof scalar_);
    std::memcpy(scalar_.data(), &value, sizeof value);
  }
  // Of an enumerator, an alternative, a side of an Either.
  std::size_t position() const { return scalar<std::uint64_t>(); }
  void set_position(std::size_t position) { set_scalar<std::uint64_t>(position); }

  // Only where the type has content.
  std::string& text() { return content_->text; }
  const std::string& text() const { return content_->text; }
  std::vector<DynamicValue>& parts() { return content_->parts; }
  const std::vector<DynamicValue>& parts() const { return content_->parts; }

  // Empty, but for the parts that each value of the type has.
  void reset();
  // The alternative, side or content at index, made now; null for an alternative without fields.
  DynamicValue* choose(std::size_t index);
  DynamicValue& add();  // a new last element of a list
  // Puts an element or key in, and leaves a new one behind. The new mapped value in a map, in a set itself; null where
  // the key is there already.
  DynamicValue* settle(DynamicValue& staged);

 private:
  std::array<std::uint64_t, 2> scalar_{};
  const DynamicType* type_;
  std::unique_ptr<Content> content_;  // null for types without
};

// How a described type is read and written. Does not move: its tables and other types point at it.
struct DynamicType : JsonReadType {
  explicit DynamicType(const TypeDescription& described) : description(&described) {}
  DynamicType(const DynamicType&) = delete;
  DynamicType& operator=(const DynamicType&) = delete;

  const TypeDescription* description;          // outlives this
  std::vector<const DynamicType*> wire_parts;  // in the order of the wire; null for an alternative without fields
  std::vector<std::size_t> wire_index;         // of tuples and structs, by parts in JSON, which lack channels
  JsonWriteType writing;
  bool is_level = false;      // counts as a level of nesting in postcard
  std::size_t bytes_min = 0;  // that a value takes in postcard

  DescribedKind kind() const { return description->kind; }
  bool is_channel() const { return kind() == DescribedKind::tx || kind() == DescribedKind::rx; }
  bool has_content() const;
  std::size_t memory() const;  // of a value without its parts

  // When wire_parts are there, each for all types before the next.
  void set_shape();
  void set_tables();
  // Of structs, by parts in JSON: which may be left out, and what they are then.
  void set_optional();
  void set_default(std::size_t index, DynamicValue value);
  const DynamicValue& default_of(std::size_t index) const { return *defaults_[index]; }

 private:
  void set_functions();
  void set_memory();

  std::vector<std::string_view> names_;
  std::vector<const JsonReadType*> read_parts_;
  std::vector<const JsonWriteType*> write_parts_;
  std::vector<JsonPresence> presence_;
  std::vector<std::unique_ptr<DynamicValue>> defaults_;
};

void encode_dynamic(Writer& writer, const DynamicValue& value);
// The whole encoding, or the fault (`json`) for which there is none.
Result<std::vector<std::uint8_t>> dynamic_bytes(const DynamicValue& value);
// Fills a new value. False after a fault, which the reader then has.
bool decode_dynamic(Reader& reader, DynamicValue& value);

}  // namespace parley::codec
