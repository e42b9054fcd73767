#include "codec/postcard.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/limits.h"
#include "codec/fields_macro.h"
#include "codec/random_value_suite.h"

namespace parley::codec {
namespace {

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool operator==(const Point&) const = default;
};
struct Vertex {
  float x = 0;
  float y = 0;
  double weight = 0;
  bool operator==(const Vertex&) const = default;
};
struct Circle {
  double radius = 0;
  bool operator==(const Circle&) const = default;
};
struct Label {
  std::string _0;
  bool operator==(const Label&) const = default;
};
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
using Shape = std::variant<Circle, Label, Nothing>;
enum class Color : std::uint8_t { red, green, blue };
enum class Sparse { z = 9, a = 2, below = -5 };
PARLEY_FIELDS(Sparse, z, a, below);
struct Tree {
  std::int16_t value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
struct Chain {
  std::uint8_t value = 0;
  std::optional<std::unique_ptr<Chain>> next;
};

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
  std::size_t size = 0;
  Duration duration{};
  bool operator==(const Numbers&) const = default;
};
struct Containers {
  std::string text;
  std::vector<std::uint8_t> bytes;
  Bytes shared;
  std::optional<std::string> maybe;
  std::vector<Point> points;
  std::vector<Vertex> vertices;
  std::vector<double> doubles;
  std::vector<std::int8_t> small;
  std::vector<bool> flags;
  std::vector<std::vector<std::string>> nested;
  std::deque<std::uint32_t> deque;
  std::set<std::string> set;
  std::unordered_set<std::int32_t> unordered_set;
  std::map<std::string, Point> map;
  std::unordered_map<std::int64_t, std::string> unordered_map;
  std::array<std::uint16_t, 3> array{};
  std::array<std::string, 2> texts;
  std::array<std::array<float, 2>, 2> matrix{};
  bool operator==(const Containers&) const = default;
};
struct Choices {
  std::pair<std::int32_t, std::string> pair;
  std::tuple<std::uint8_t, bool, std::string> tuple;
  Shape shape;
  std::vector<Shape> shapes;
  Color color = Color::red;
  Sparse sparse = Sparse::z;
  Either<std::int32_t, std::string> either;
  Either<std::string, std::string> same;
  Either<void, Color> no_value;
  std::monostate unit;
  Nothing nothing;
  std::vector<Nothing> nothings;
  Tree tree;
  bool operator==(const Choices&) const = default;
};
struct Everything {
  Numbers numbers;
  Containers containers;
  Choices choices;
  bool operator==(const Everything&) const = default;
};

template <class T>
void survives(std::uint64_t seed) {
  const T value = RandomValues(seed).make<T>();
  const auto bytes = to_postcard(value);
  RC_ASSERT(bytes.size() >= encoded_bytes_min<T>);
  RC_ASSERT(bytes.size() <= encoded_bytes_max<T>);
  const Result<T> decoded = from_postcard<T>(bytes);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == value);
}

RC_GTEST_PROP(Postcard, a_value_survives, (std::uint64_t seed)) {
  survives<Numbers>(seed);
  survives<Containers>(seed);
  survives<Choices>(seed);
  survives<std::tuple<std::int32_t, std::int32_t>>(seed);
  survives<std::optional<std::vector<std::optional<std::uint64_t>>>>(seed);
}

RC_GTEST_PROP(Postcard, an_encoding_cut_off_anywhere_is_refused, (std::uint64_t seed)) {
  const auto bytes = to_postcard(RandomValues(seed).make<Everything>());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::uint8_t> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    RC_ASSERT(!from_postcard<Everything>(part).has_value());
  }
}

// The input has exactly its size on the heap, so that the address sanitizer sees a read behind it.
template <class T>
void reads_safely(const std::vector<std::uint8_t>& input) {
  const Result<T> decoded = from_postcard<T>(input);
  if (!decoded) return;
  const auto bytes = to_postcard(*decoded);
  const Result<T> again = from_postcard<T>(bytes);
  RC_ASSERT(again.has_value());
  RC_ASSERT(to_postcard(*again) == bytes);
}

RC_GTEST_PROP(Postcard, any_bytes_are_decoded_or_refused, (const std::vector<std::uint8_t>& input)) {
  reads_safely<Numbers>(input);
  reads_safely<std::vector<Shape>>(input);
  reads_safely<std::vector<std::string>>(input);
  reads_safely<std::map<std::string, Point>>(input);
  reads_safely<std::set<std::int64_t>>(input);
  reads_safely<Tree>(input);
  reads_safely<Chain>(input);
  reads_safely<std::vector<Vertex>>(input);
  reads_safely<Either<std::string, Sparse>>(input);
  reads_safely<std::vector<Nothing>>(input);
}

RC_GTEST_PROP(Postcard, damaged_encodings_are_decoded_or_refused, (std::uint64_t seed)) {
  RandomValues random(seed);
  auto bytes = to_postcard(random.make<Choices>());
  Prng prng(seed);
  for (int damage = 0; damage < 3 && !bytes.empty(); ++damage) {
    bytes[prng.below(bytes.size())] = static_cast<std::uint8_t>(prng.next());
  }
  reads_safely<Choices>(bytes);
  reads_safely<Numbers>(bytes);
}

TEST(Postcard, integers_take_the_shortest_form_at_their_limits) {
  EXPECT_EQ(to_postcard(std::numeric_limits<std::uint16_t>::max()).size(), 3u);
  EXPECT_EQ(to_postcard(std::numeric_limits<std::int32_t>::min()),
            to_postcard(std::numeric_limits<std::uint32_t>::max()));
  EXPECT_EQ(to_postcard(std::numeric_limits<std::uint64_t>::max()).size(), 10u);
  EXPECT_EQ(to_postcard(~static_cast<unsigned __int128>(0)).size(), 19u);
  EXPECT_EQ(to_postcard(static_cast<unsigned __int128>(127)).size(), 1u);
  EXPECT_EQ(to_postcard(static_cast<__int128>(-1)), (std::vector<std::uint8_t>{1}));
}

TEST(Postcard, an_enum_is_its_position_and_not_its_value) {
  EXPECT_EQ(to_postcard(Sparse::z), (std::vector<std::uint8_t>{0}));
  EXPECT_EQ(to_postcard(Sparse::below), (std::vector<std::uint8_t>{2}));
  EXPECT_EQ(from_postcard<Sparse>(std::vector<std::uint8_t>{1}).value(), Sparse::a);
}

TEST(Postcard, arguments_are_their_values_one_after_another) {
  BlockPool pool;
  OutBuffer out(pool);
  Writer writer(out);
  encode_each(writer, std::int32_t{1}, std::string_view("two"), std::optional<std::uint8_t>(3));
  out.commit(writer.cursor());
  EXPECT_EQ(std::vector<std::uint8_t>(out.pending().begin(), out.pending().end()),
            to_postcard(std::tuple(1, std::string("two"), std::optional<std::uint8_t>(3))));

  Reader reader(out.pending());
  std::int32_t one = 0;
  std::string_view two;
  std::optional<std::uint8_t> three;
  ASSERT_TRUE(decode_each(reader, one, two, three));
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(two, "two");
  EXPECT_EQ(three, 3);
}

TEST(Postcard, references_in_tuples_are_written_as_what_they_refer_to) {
  const std::string text = "abc";
  const std::vector<Point> points = {{1, 2}};
  EXPECT_EQ(to_postcard(std::tie(text, points)), to_postcard(std::tuple(text, points)));
}

TEST(Postcard, borrowed_text_and_bytes_point_into_the_input) {
  struct Borrowed {
    std::string_view text;
    ByteView bytes;
    std::span<const std::int8_t> small;
  };
  const auto bytes =
      to_postcard(std::tuple(std::string("abc"), std::vector<std::uint8_t>{1, 2}, std::vector<std::int8_t>{-1}));
  const auto decoded = from_postcard<Borrowed>(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(reinterpret_cast<const std::uint8_t*>(decoded->text.data()), bytes.data() + 1);
  EXPECT_EQ(decoded->text, "abc");
  EXPECT_EQ(decoded->bytes.data(), bytes.data() + 5);
  EXPECT_EQ(decoded->small.size(), 1u);
  EXPECT_EQ(decoded->small[0], -1);
}

TEST(Postcard, bytes_keep_the_block_alive_that_they_were_received_in) {
  const auto encoded = to_postcard(std::vector<std::uint8_t>{1, 2, 3});
  BlockHandle block(Block::make(encoded.size()));
  std::memcpy(block->data(), encoded.data(), encoded.size());
  Bytes bytes;
  Reader reader({block->data(), encoded.size()}, block.get());
  ASSERT_TRUE(decode(reader, bytes));
  EXPECT_TRUE(block->is_shared());
  EXPECT_EQ(bytes.data(), block->data() + 1);
  block.reset();
  EXPECT_EQ(bytes, Bytes::copy_of(std::vector<std::uint8_t>{1, 2, 3}));
}

TEST(Postcard, bytes_are_copied_where_there_is_no_block) {
  const auto encoded = to_postcard(std::vector<std::uint8_t>{1, 2, 3});
  const auto bytes = from_postcard<Bytes>(encoded);
  ASSERT_TRUE(bytes);
  EXPECT_NE(bytes->data(), encoded.data() + 1);
  EXPECT_EQ(bytes->size(), 3u);
}

TEST(Postcard, a_decoded_value_replaces_what_was_there) {
  Containers value = RandomValues(7).make<Containers>();
  value.maybe = "old";
  const auto bytes = to_postcard(Containers{});
  Reader reader(bytes);
  ASSERT_TRUE(decode(reader, value));
  EXPECT_EQ(value, Containers{});
}

TEST(Postcard, lists_longer_than_the_room_at_hand_are_written_whole) {
  BlockPool pool(256);
  OutBuffer out(pool);
  Writer writer(out);
  std::vector<std::uint64_t> numbers(10'000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i << (i % 50);
  const std::vector<std::string> texts(1000, "a text of some length");
  encode_each(writer, numbers, texts, std::string(100'000, 'x'));
  out.commit(writer.cursor());
  const auto decoded =
      from_postcard<std::tuple<std::vector<std::uint64_t>, std::vector<std::string>, std::string>>(out.pending());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<0>(*decoded), numbers);
  EXPECT_EQ(std::get<1>(*decoded), texts);
  EXPECT_EQ(std::get<2>(*decoded).size(), 100'000u);
}

TEST(Postcard, what_is_copied_as_memory_is_what_would_be_written_field_by_field) {
  static_assert(is_raw<Vertex> && is_raw<std::array<float, 2>> && !is_raw<Point> && !is_raw<bool>);
  const std::vector<Vertex> vertices = {{1, 2, 3}, {-1, 0.5, 1e300}};
  std::vector<std::tuple<float, float, double>> tuples;
  for (const Vertex& vertex : vertices) tuples.emplace_back(vertex.x, vertex.y, vertex.weight);
  EXPECT_EQ(to_postcard(vertices), to_postcard(tuples));
}

TEST(Postcard, bounds_follow_from_types) {
  static_assert(encoded_bytes_max<std::tuple<std::int32_t, std::int32_t>> == 10);
  static_assert(encoded_bytes_min<Point> == 2);
  static_assert(encoded_bytes_max<Color> == 1);
  static_assert(encoded_bytes_max<std::string> == unbounded && encoded_bytes_min<std::string> == 1);
  static_assert(encoded_bytes_max<std::variant<Circle, Nothing>> == 9 &&
                encoded_bytes_min<std::variant<Circle, Nothing>> == 1);
  static_assert(encoded_bytes_min<Nothing> == 0 && encoded_bytes_max<std::array<std::uint32_t, 0>> == 0);
  static_assert(encoded_bytes_max<char32_t> == 5);
  static_assert(encoded_bytes_min<std::unique_ptr<Point>> == 2);
  static_assert(encoded_bytes_max<std::array<Numbers, 100>> != unbounded && !is_bounded<std::array<Numbers, 100>>);
  const auto value = RandomValues(3).make<std::array<Numbers, 100>>();
  EXPECT_EQ((from_postcard<std::array<Numbers, 100>>(to_postcard(value)).value()), value);
}

TEST(Postcard, depth_has_the_limit_that_all_layers_share) { EXPECT_EQ(depth_default, Limits().depth_max); }

}  // namespace
}  // namespace parley::codec
