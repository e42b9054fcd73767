#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "codec/postcard.h"
#include "support/allocation_count.h"

// What a value costs on its way to bytes and back.
namespace parley::codec_cost {

struct Point {
  double x = 0;
  double y = 0;
};
enum class Color : std::uint8_t { red, green };
struct Circle {
  Point center;
  double radius = 0;
};
struct Line {
  Point from;
  Point to;
};
struct Picture {
  std::uint32_t number = 0;
  std::array<Point, 3> corners;
  std::optional<Color> color;
  std::variant<Circle, Line> shape;
  std::tuple<std::int64_t, std::optional<Line>> rest;
};
struct Album {
  std::string title;
  std::vector<Picture> pictures;
};

Picture some_picture() {
  return {7, {Point{1, 2}, {3, 4}, {5, 6}}, Color::green, Line{{1, 1}, {2, 2}}, {-5, Line{{0, 1}, {2, 3}}}};
}

template <class T>
bool passes(OutBuffer& out, const T& value, T& into) {
  codec::Writer writer(out);
  codec::encode(writer, value);
  out.commit(writer.cursor());
  codec::Reader reader(out.pending());
  const bool is_decoded = codec::decode(reader, into) && reader.finish();
  out.consume(out.size());
  return is_decoded && writer.fault() == codec::Fault::none;
}

TEST(CodecCost, nested_types_pass_by_code_that_is_there_already_and_allocate_only_what_they_hold) {
  // rule: calls/weakness.37, calls/conduit.typeplan
  BlockPool pool;
  OutBuffer out(pool);
  const Picture picture = some_picture();
  Picture into;
  ASSERT_TRUE(passes(out, picture, into));
  EXPECT_EQ(std::get<Line>(into.shape).to.x, 2);
  EXPECT_EQ(std::get<1>(into.rest)->to.y, 3);
  int passed = 0;
  EXPECT_EQ(allocations_in([&] {
              for (int i = 0; i < 100; ++i) passed += passes(out, picture, into);
            }),
            0u);
  EXPECT_EQ(passed, 100);

  const Album album{std::string(100, 't'), std::vector<Picture>(50, picture)};
  for (int i = 0; i < 3; ++i) {
    Album copy;
    const std::size_t allocations = allocations_in([&] { ASSERT_TRUE(passes(out, album, copy)); });
    EXPECT_LE(allocations, 8u) << "a text, and a list that grows";
    ASSERT_EQ(copy.pictures.size(), 50u);
  }
}

}  // namespace parley::codec_cost
