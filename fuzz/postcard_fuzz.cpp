#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "codec/fields_macro.h"
#include "codec/postcard.h"

// The first byte chooses a type, the rest is decoded as it. What decodes must encode to something that decodes to the
// same again. (The bytes themselves may differ: longer forms of small numbers are read.)
namespace parley::codec {
namespace {

struct Circle {
  double radius = 0;
};
struct Label {
  std::string _0;
};
struct Nothing {};
using Shape = std::variant<Circle, Label, Nothing>;
enum class Color : std::uint8_t { red, green, blue };
enum class Sparse { z = 9, a = 2, below = -5 };
PARLEY_FIELDS(Sparse, z, a, below);

struct Numbers {
  bool flag = false;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  unsigned __int128 u128 = 0;
  std::int8_t i8 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  __int128 i128 = 0;
  float f32 = 0;
  double f64 = 0;
  char32_t scalar = 0;
};
struct Person {
  std::string name;
  std::uint8_t age = 0;
  std::optional<std::string> email;
  std::vector<std::uint8_t> picture;
  Bytes shared;
};
struct Vertex {
  float x = 0;
  float y = 0;
};
struct Tree {
  std::int16_t value = 0;
  std::vector<Tree> children;
  std::optional<std::unique_ptr<Tree>> next;
};
struct Canvas {
  std::string name;
  std::vector<Shape> shapes;
  Color background = Color::red;
  std::array<Sparse, 2> sparse{};
  std::vector<Vertex> vertices;
  std::vector<bool> flags;
};
struct Borrowed {
  std::string_view text;
  ByteView bytes;
  std::span<const std::int8_t> small;
};

template <class T>
void check(ByteView input) {
  BlockHandle block(Block::make(input.size()));
  if (!input.empty()) std::memcpy(block->data(), input.data(), input.size());
  Reader reader({block->data(), input.size()}, block.get());
  T value{};
  if (!decode(reader, value)) {
    PARLEY_ASSERT(reader.fault() != Fault::none);
    PARLEY_ASSERT(!reader.error(Code::message).note.empty());
    return;
  }
  PARLEY_ASSERT(reader.fault() == Fault::none);
  const auto bytes = to_postcard(value);
  PARLEY_ASSERT(bytes.size() <= reader.position(), bytes.size(), reader.position());
  const Result<T> again = from_postcard<T>(bytes);
  PARLEY_ASSERT(again.has_value());
  PARLEY_ASSERT(to_postcard(*again) == bytes);
}

using Check = void (*)(ByteView);
constexpr Check checks[] = {
    check<Numbers>,
    check<Person>,
    check<Canvas>,
    check<Tree>,
    check<Borrowed>,
    check<std::map<std::string, Vertex>>,
    check<std::set<std::int64_t>>,
    check<std::deque<std::vector<std::string>>>,
    check<Either<std::tuple<std::int32_t, std::string>, Sparse>>,
    check<std::vector<Nothing>>,
    check<std::vector<std::optional<std::array<double, 16>>>>,
    check<std::tuple<std::int32_t, std::int32_t>>,
};

}  // namespace
}  // namespace parley::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using parley::codec::checks;
  checks[data[0] % std::size(checks)]({data + 1, size - 1});
  return 0;
}
