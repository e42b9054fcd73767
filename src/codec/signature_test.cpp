#include "codec/signature.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/fields_macro.h"
#include "codec/varint.h"

namespace parley::codec {
namespace {

using Bytes8 = std::vector<std::uint8_t>;

template <class T>
Bytes8 of() {
  return {type_signature<T>.begin(), type_signature<T>.end()};
}
template <class Return, class... Arguments>
Bytes8 of_method() {
  constexpr auto& signature = method_signature<Return, Arguments...>;
  return {signature.begin(), signature.end()};
}
Bytes8 join(std::initializer_list<Bytes8> parts) {
  Bytes8 all;
  for (const Bytes8& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
Bytes8 name(std::string_view text) {
  Bytes8 bytes = {static_cast<std::uint8_t>(text.size())};
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

template <Direction Way, class T, std::uint32_t Credit = 16>
struct Handle {
  using parley_channel = Channel<Way, T, Credit>;
};

struct Point {
  std::int32_t x;
  double y;
};
struct OtherPoint {
  std::int32_t x;
  double y;
};
struct Unit {};
struct TupleStruct {
  std::int32_t _0;
  std::string _1;
};

struct Number {
  std::int64_t _0;
};
struct Span {
  std::uint8_t _0;
  bool _1;
};
struct Rect2 {
  double width;
};
PARLEY_FIELDS((Rect2, name_("Rect")), (width, name_("w")));
using Choice = std::variant<Unit, Number, Span, Rect2>;
enum class Color : std::uint8_t { red, green };
PARLEY_FIELDS(Color, (red, name_("Red")), green);

struct Leaf {
  bool flag;
};
struct List {
  std::unique_ptr<List> next;
  std::vector<List> more;
};
struct Odd;
struct Even {
  std::vector<Odd> odd;
};
struct Odd {
  std::vector<Even> even;
  std::vector<Odd> odd;
  Leaf leaf;
  Leaf other;
};

struct Wide {
  std::array<std::uint8_t, 300> bytes;
};

TEST(Signature, primitives_are_one_byte) {
  // rule: calls/signature.primitive
  EXPECT_EQ(of<bool>(), (Bytes8{0x01}));
  EXPECT_EQ(of<std::uint8_t>(), (Bytes8{0x02}));
  EXPECT_EQ(of<std::uint16_t>(), (Bytes8{0x03}));
  EXPECT_EQ(of<std::uint32_t>(), (Bytes8{0x04}));
  EXPECT_EQ(of<std::uint64_t>(), (Bytes8{0x05}));
  EXPECT_EQ(of<std::size_t>(), (Bytes8{0x05}));
  EXPECT_EQ(of<unsigned __int128>(), (Bytes8{0x06}));
  EXPECT_EQ(of<std::int8_t>(), (Bytes8{0x07}));
  EXPECT_EQ(of<std::int16_t>(), (Bytes8{0x08}));
  EXPECT_EQ(of<std::int32_t>(), (Bytes8{0x09}));
  EXPECT_EQ(of<std::int64_t>(), (Bytes8{0x0a}));
  EXPECT_EQ(of<std::ptrdiff_t>(), (Bytes8{0x0a}));
  EXPECT_EQ(of<long long>(), (Bytes8{0x0a}));
  EXPECT_EQ(of<__int128>(), (Bytes8{0x0b}));
  EXPECT_EQ(of<float>(), (Bytes8{0x0c}));
  EXPECT_EQ(of<double>(), (Bytes8{0x0d}));
  EXPECT_EQ(of<char32_t>(), (Bytes8{0x0e}));
  EXPECT_EQ(of<std::string>(), (Bytes8{0x0f}));
  EXPECT_EQ(of<const std::string_view&>(), (Bytes8{0x0f}));
  EXPECT_EQ(of<void>(), (Bytes8{0x10}));
  EXPECT_EQ(of<std::monostate>(), (Bytes8{0x10}));
  EXPECT_EQ(of<Unit>(), (Bytes8{0x10}));
  EXPECT_EQ(of<Bytes>(), (Bytes8{0x11}));
}

TEST(Signature, a_vector_of_bytes_is_bytes_and_a_slice_of_them_is_a_list) {
  // rule: calls/signature.bytes.equivalence
  EXPECT_EQ(of<std::vector<std::uint8_t>>(), of<Bytes>());
  EXPECT_EQ(of<ByteView>(), (Bytes8{0x20, 0x02}));
}

TEST(Signature, containers_are_a_byte_and_what_they_contain) {
  // rule: calls/signature.container
  EXPECT_EQ(of<std::vector<std::int32_t>>(), (Bytes8{0x20, 0x09}));
  EXPECT_EQ(of<std::deque<std::int32_t>>(), (Bytes8{0x20, 0x09}));
  EXPECT_EQ(of<std::span<const std::int32_t>>(), (Bytes8{0x20, 0x09}));
  EXPECT_EQ(of<std::optional<std::string>>(), (Bytes8{0x21, 0x0f}));
  EXPECT_EQ((of<std::array<float, 3>>()), (Bytes8{0x22, 0x03, 0x0c}));
  EXPECT_EQ((of<std::map<std::string, bool>>()), (Bytes8{0x23, 0x0f, 0x01}));
  EXPECT_EQ((of<std::unordered_map<std::uint32_t, bool>>()), (Bytes8{0x23, 0x04, 0x01}));
  EXPECT_EQ(of<std::set<std::string>>(), (Bytes8{0x24, 0x0f}));
  EXPECT_EQ((of<std::tuple<bool, std::string>>()), (Bytes8{0x25, 0x02, 0x01, 0x0f}));
  EXPECT_EQ((of<std::pair<bool, std::string>>()), (Bytes8{0x25, 0x02, 0x01, 0x0f}));
  EXPECT_EQ(of<TupleStruct>(), (Bytes8{0x25, 0x02, 0x09, 0x0f}));
  EXPECT_EQ((of<Handle<Direction::tx, bool>>()), (Bytes8{0x26, 0x01}));
  EXPECT_EQ((of<Handle<Direction::rx, bool>>()), (Bytes8{0x27, 0x01}));
  EXPECT_EQ(of<std::unique_ptr<std::int32_t>>(), (Bytes8{0x09}));
  EXPECT_EQ(of<std::shared_ptr<std::int32_t>>(), (Bytes8{0x09}));
}

TEST(Signature, the_credit_of_a_channel_does_not_count) {
  EXPECT_EQ((of<Handle<Direction::tx, bool, 16>>()), (of<Handle<Direction::tx, bool, 256>>()));
}

TEST(Signature, a_struct_is_its_fields_and_not_its_name) {
  // rule: calls/signature.struct
  EXPECT_EQ(of<Point>(), join({{0x30, 0x02}, name("x"), {0x09}, name("y"), {0x0d}}));
  EXPECT_EQ(of<Point>(), of<OtherPoint>());
}

TEST(Signature, an_enum_is_its_variants_with_their_names_and_forms) {
  // rule: calls/signature.enum
  EXPECT_EQ(of<Color>(), join({{0x31, 0x02}, name("Red"), {0x00}, name("green"), {0x00}}));
  EXPECT_EQ(of<Choice>(), join({{0x31, 0x04},
                                name("Unit"),
                                {0x00},
                                name("Number"),
                                {0x01, 0x0a},
                                name("Span"),
                                {0x02, 0x02},
                                name("0"),
                                {0x02},
                                name("1"),
                                {0x01},
                                name("Rect"),
                                {0x02, 0x01},
                                name("w"),
                                {0x0d}}));
}

TEST(Signature, a_type_inside_itself_is_a_reference_to_how_far_up) {
  // rule: calls/signature.recursive, calls/signature.recursive.encoding
  EXPECT_EQ(of<List>(), join({{0x30, 0x02}, name("next"), {0x32, 0x00}, name("more"), {0x20, 0x32, 0x00}}));
  // Even is two up where Odd is described inside of it: lists and fields are no steps.
  EXPECT_EQ(of<Even>(), join({{0x30, 0x01},
                              name("odd"),
                              {0x20},
                              {0x30, 0x04},
                              name("even"),
                              {0x20, 0x32, 0x01},
                              name("odd"),
                              {0x20, 0x32, 0x00},
                              name("leaf"),
                              of<Leaf>(),
                              name("other"),
                              of<Leaf>()}));
}

TEST(Signature, a_type_that_was_described_before_is_described_again) {
  // rule: calls/signature.recursive.stack
  EXPECT_EQ((of_method<Point, Point, Point>()), join({{0x25, 0x02}, of<Point>(), of<Point>(), of<Point>()}));
  EXPECT_EQ((of<std::tuple<Leaf, std::tuple<Leaf>>>()), join({{0x25, 0x02}, of<Leaf>(), {0x25, 0x01}, of<Leaf>()}));
}

TEST(Signature, a_method_is_its_argument_tuple_and_its_return_type) {
  // rule: calls/signature.method
  EXPECT_EQ((of_method<std::int64_t, Handle<Direction::rx, std::int32_t>>()), (Bytes8{0x25, 0x01, 0x27, 0x09, 0x0a}));
  EXPECT_EQ((of_method<void, const std::string&>()), (Bytes8{0x25, 0x01, 0x0f, 0x10}));
  EXPECT_EQ(of_method<bool>(), (Bytes8{0x10, 0x01}));
}

TEST(Signature, nothing_inside_of_an_either_counts) {
  EXPECT_EQ((of_method<Either<std::int64_t, Color>, std::int64_t, std::int64_t>()),
            (Bytes8{0x25, 0x02, 0x0a, 0x0a, 0x10}));
  EXPECT_EQ((of<Either<std::string, Point>>()), (Bytes8{0x10}));
}

TEST(Signature, numbers_are_leb128) {
  // rule: calls/signature.varint
  EXPECT_EQ(of<decltype(Wide::bytes)>(), (Bytes8{0x22, 0xac, 0x02, 0x02}));
}

}  // namespace
}  // namespace parley::codec
