#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "codec/fields_macro.h"
#include "codec/json.h"
#include "codec/utf8.h"

// The first byte chooses a type, the rest is a text that is decoded as it. What decodes is encoded to a text that
// decodes to the same again; what does not says where and why.
namespace parley::codec {
namespace {

struct Circle {
  double radius = 0;
};
struct Label {
  std::string _0;
};
struct Range {
  float _0 = 0;
  std::optional<std::int8_t> _1;
};
struct Nothing {};
using Shape = std::variant<Circle, Label, Range, Nothing>;
enum class Color : std::uint8_t { red, green, blue };
enum class Sparse { z = 9, a = 2, below = -5 };
PARLEY_FIELDS(Sparse, (z, name_("\"z\"")), a, below);

struct Scalars {
  bool flag = false;
  std::uint8_t u8 = 0;
  std::uint64_t u64 = 0;
  unsigned __int128 u128 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  __int128 i128 = 0;
  float f32 = 0;
  double f64 = 0;
  char32_t scalar = 0;
  Duration duration{};
  std::vector<std::uint8_t> bytes;
  Bytes shared;
  Sparse sparse = Sparse::z;
};
PARLEY_FIELDS(Scalars, (flag, default_(true)), (u8, default_(3)), (u64, default_(1)), (u128, default_(1)),
              (i16, default_(1)), (i32, default_(1)), (i64, default_(1)), (i128, default_(1)), (f32, default_(1)),
              (f64, default_(1)), (scalar, default_(U'x')), (duration, default_([] { return Duration(); })),
              (bytes, default_([] { return std::vector<std::uint8_t>{1}; })),
              (shared, default_([] { return Bytes(); })), (sparse, default_([] { return Sparse::a; })));
struct Person {
  std::string name;
  std::uint8_t age = 0;
  std::optional<std::string> email;
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
  std::vector<bool> flags;
  std::map<std::string, Person> people;
};

constexpr JsonOptions options[] = {
    {},
    {.text_bytes_max = 1000, .depth_max = 5, .memory_max = 2000, .ignores_unknown_fields = true},
};

template <class T>
void check(std::string_view text) {
  for (const JsonOptions& option : options) {
    const Result<T> read = from_json<T>(text, option);
    if (!read) {
      PARLEY_ASSERT(read.error().code == Code::json);
      PARLEY_ASSERT(!read.error().note.empty() && is_utf8(as_bytes(read.error().note)));
      continue;
    }
    for (const JsonStyle style : {JsonStyle::compact, JsonStyle::pretty}) {
      const std::string again = to_json(*read, style);
      const Result<T> reread = from_json<T>(again);
      PARLEY_ASSERT(reread.has_value());
      PARLEY_ASSERT(to_json(*reread, style) == again);
    }
  }
}

using Check = void (*)(std::string_view);
constexpr Check checks[] = {
    check<Scalars>,
    check<Canvas>,
    check<Tree>,
    check<Shape>,
    check<std::tuple<bool, std::int8_t, double, char32_t, Duration>>,
    check<std::map<std::int16_t, Either<std::tuple<std::int32_t, std::string>, Sparse>>>,
    check<std::map<Color, std::set<std::int64_t>>>,
    check<std::map<double, std::vector<Nothing>>>,
    check<std::deque<std::optional<std::optional<std::shared_ptr<std::string>>>>>,
    check<std::vector<Either<void, std::monostate>>>,
    check<std::vector<std::array<std::uint64_t, 3>>>,
    check<std::tuple<unsigned __int128, float, std::vector<std::uint8_t>, std::tuple<>>>,
};

}  // namespace
}  // namespace parley::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using parley::codec::checks;
  // On the heap and exactly as long as it is: a read behind it is seen.
  const std::vector<char> text(data + 1, data + size);
  checks[data[0] % std::size(checks)]({text.data(), text.size()});
  return 0;
}
