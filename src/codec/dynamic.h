#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/description.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "codec/postcard_bounds.h"

namespace parley::codec {

namespace detail {
class DynamicTypes;
}

// A channel inside of arguments: the handle that the handler has.
struct DynamicChannel {
  std::string path;  // "$.numbers", "$[0].out"
  Direction direction = Direction::tx;
  std::uint32_t item = 0;            // its type
  std::uint32_t initial_credit = 0;  // N
};

// The arguments of a call as they travel.
struct DynamicArguments {
  std::vector<std::uint8_t> bytes;       // postcard of all, one behind the other
  std::vector<DynamicChannel> channels;  // in the order of their ids
};

// The arguments of a call as they came.
struct DynamicCall {
  std::string json;                      // an object where the method names all of them, else an array
  std::vector<DynamicChannel> channels;  // in the order of their ids
};

struct DynamicOptions {
  JsonOptions json;                         // of texts that are read; text_bytes_max bounds written ones as well
  std::uint32_t depth_max = depth_default;  // of postcard: Limits::depth_max
};

// Turns JSON into postcard and postcard into JSON by the description of a service, without its types: the same texts,
// bytes and errors that the types would give. Does not change; for any thread. Its memory is bounded by the options.
//
// A channel stands nowhere in JSON: arguments, elements of tuples and fields that are channels are left out, the rest
// moves up. Only inside of what may be absent (an option, an alternative) null stands for it, to say that it is there.
class Transcoder {
 public:
  // Refuses (`response`) what check() refuses, and defaults that are no values of their fields or leave out fields that
  // have defaults themselves.
  static Result<Transcoder> make(ServiceDescription description, DynamicOptions options = {});
  Transcoder(Transcoder&&) noexcept;
  Transcoder& operator=(Transcoder&&) noexcept;
  ~Transcoder();

  const ServiceDescription& description() const;
  // The method of that name, or null.
  const MethodDescription* find(std::string_view method) const;

  // Of a method of this description. An array has the arguments in their order. An object has them by name where the
  // method names all of them; where it does not, and the only argument is a struct, the object is this. Arguments that
  // are options may be left out of an object. Errors are those of from_json (`json`).
  Result<DynamicArguments> arguments(const MethodDescription& method, std::string_view json) const;

  // And back: what arguments() reads as the same. Errors are those of to_json().
  Result<DynamicCall> read_arguments(const MethodDescription& method, ByteView postcard) const;

  // A value of one type: a result, an own error, an item. Errors are those of from_json (`json`).
  Result<std::vector<std::uint8_t>> to_postcard(std::uint32_t type, std::string_view json) const;
  // Errors are those of from_postcard (`response`), and of append_json (`json`) for what has no JSON.
  Result<std::string> to_json(std::uint32_t type, ByteView postcard, JsonStyle style = JsonStyle::compact) const;

 private:
  explicit Transcoder(std::unique_ptr<const detail::DynamicTypes> types);

  std::unique_ptr<const detail::DynamicTypes> types_;
};

}  // namespace parley::codec
