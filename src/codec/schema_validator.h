#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace parley::codec {

struct SchemaRules;

// A JSON Schema that texts are held against: what draft 7 and 2020-12 have in common, with references inside of the
// schema. Does not change; cheap to copy, since copies share it; for any thread.
//
// Whatever a peer writes as schema or value, the memory and the time that it takes are linear in the texts; what would
// take more is refused: all patterns of a schema, with their repetitions written out, have together at most 4096 states
// and 8 for each of its bytes. Equal is what is equal in JSON: numbers have all their digits and 1.0 is 1. `format` and
// `content...` are notes. Beside a `$ref` the other keywords count, unless the schema says by `$schema` that it is of
// draft 7, which ignores them.
class JsonSchema {
 public:
  struct Options {
    // Ignores keywords, drafts and patterns that are not checked here, instead of refusing them. A `$ref` to nowhere,
    // or out of the schema, is refused all the same.
    bool allows_more = false;
    std::size_t text_bytes_max = std::size_t{256} << 10;  // of the schema
    std::size_t value_bytes_max = std::size_t{4} << 20;   // of a text that is held against it
    std::size_t depth_max = 64;                           // of objects and arrays in both, and of references in a row
  };

  // Errors (`invalid`) have the path in the schema, the keyword and what to do.
  static Result<JsonSchema> compile(std::string_view text, Options options);
  static Result<JsonSchema> compile(std::string_view text) { return compile(text, Options()); }

  // Errors (`arguments`) say of up to eight places what is expected there and what is there:
  // "at /a: a number is expected, and this is "x"".
  Result<void> validate(std::string_view json) const;

 private:
  explicit JsonSchema(std::shared_ptr<const SchemaRules> rules) : rules_(std::move(rules)) {}

  std::shared_ptr<const SchemaRules> rules_;
};

}  // namespace parley::codec
