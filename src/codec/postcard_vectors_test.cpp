#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/postcard.h"

// Bytes of other implementations: each decodes to the value that its name says, and that value encodes to the same
// bytes.
namespace parley::codec {
namespace {

std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The vectors of one folder in one or more sets. At the end none may be left that no test looked at.
class Folder {
 public:
  Folder(std::vector<std::string> sets, std::string name) : sets_(std::move(sets)), name_(std::move(name)) {
    for (const std::string& set : sets_) {
      for (const auto& entry : std::filesystem::directory_iterator(path(set))) unseen_.insert(entry.path().string());
    }
  }
  ~Folder() { EXPECT_TRUE(unseen_.empty()) << "not looked at: " << *unseen_.begin(); }

  template <class T>
  void holds(const std::string& vector, const T& value) {
    for (const std::string& set : sets_) {
      const std::string file = path(set) + "/" + vector + ".bin";
      const auto bytes = read_file(file);
      EXPECT_EQ(to_postcard(value), bytes) << file;
      const Result<T> decoded = from_postcard<T>(bytes);
      ASSERT_TRUE(decoded) << file << ": " << to_string(decoded.error());
      EXPECT_EQ(*decoded, value) << file;
      unseen_.erase(file);
    }
  }
  void leave_out(const std::string& set, const std::string& vector) {
    unseen_.erase(path(set) + "/" + vector + ".bin");
  }

 private:
  std::string path(const std::string& set) const { return "tests/vectors/" + set + "/" + name_; }
  std::vector<std::string> sets_;
  std::string name_;
  std::set<std::string> unseen_;
};

const std::vector<std::string> both = {"roam-7.1", "vox-head"};

TEST(PostcardVectors, varints) {
  Folder varint(both, "varint");
  for (const std::uint64_t value : {0u, 1u, 127u, 128u, 255u, 256u, 16383u, 16384u, 65535u, 65536u, 1048576u}) {
    varint.holds("u64_" + std::to_string(value), value);
  }
}

template <class T>
void holds_integers(Folder& folder, const std::string& type, std::initializer_list<int> values) {
  for (const int value : values) {
    folder.holds(type + "_" + (value < 0 ? "neg" : "") + std::to_string(std::abs(value)), static_cast<T>(value));
  }
}

TEST(PostcardVectors, primitives) {
  Folder folder(both, "primitives");
  folder.holds("bool_false", false);
  folder.holds("bool_true", true);
  holds_integers<std::uint8_t>(folder, "u8", {0, 127, 255});
  holds_integers<std::uint16_t>(folder, "u16", {0, 127, 128, 255, 256});
  holds_integers<std::uint32_t>(folder, "u32", {0, 1, 127, 128, 255, 256});
  holds_integers<std::uint64_t>(folder, "u64", {0, 1, 127, 128});
  holds_integers<std::int8_t>(folder, "i8", {0, 127, -1, -128});
  holds_integers<std::int16_t>(folder, "i16", {0, 1, 127, 128, -1});
  holds_integers<std::int32_t>(folder, "i32", {0, 1, 127, 128, -1, -128});
  holds_integers<std::int64_t>(folder, "i64", {0, 1, 15, 42, -1});
  folder.holds("u16_max", std::numeric_limits<std::uint16_t>::max());
  folder.holds("u32_max", std::numeric_limits<std::uint32_t>::max());
  folder.holds("u64_max", std::numeric_limits<std::uint64_t>::max());
  folder.holds("i16_max", std::numeric_limits<std::int16_t>::max());
  folder.holds("i16_min", std::numeric_limits<std::int16_t>::min());
  folder.holds("i32_max", std::numeric_limits<std::int32_t>::max());
  folder.holds("i32_min", std::numeric_limits<std::int32_t>::min());
  folder.holds("i64_max", std::numeric_limits<std::int64_t>::max());
  folder.holds("i64_min", std::numeric_limits<std::int64_t>::min());
  folder.holds("f32_0", 0.0f);
  folder.holds("f32_0_25", 0.25f);
  folder.holds("f32_1", 1.0f);
  folder.holds("f32_1_5", 1.5f);
  folder.holds("f32_neg1", -1.0f);
  folder.holds("f64_0", 0.0);
  folder.holds("f64_0_25", 0.25);
  folder.holds("f64_1", 1.0);
  folder.holds("f64_1_5", 1.5);
  folder.holds("f64_neg1", -1.0);
  folder.holds("bytes_empty", std::vector<std::uint8_t>());
  folder.holds("bytes_deadbeef", std::vector<std::uint8_t>{0xde, 0xad, 0xbe, 0xef});
  folder.holds("string_empty", std::string());
  folder.holds("string_hello", std::string("hello world"));
  folder.holds("string_unicode", std::string("h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\xa6\x80"));
  folder.holds("option_none_u32", std::optional<std::uint32_t>());
  folder.holds("option_some_u32_42", std::optional<std::uint32_t>(42));
  folder.holds("option_none_string", std::optional<std::string>());
  folder.holds("option_some_string", std::optional<std::string>("hello"));
  folder.holds("vec_empty_u32", std::vector<std::uint32_t>());
  folder.holds("vec_u32_1_2_3", std::vector<std::uint32_t>{1, 2, 3});
  folder.holds("vec_i32_neg1_0_1", std::vector<std::int32_t>{-1, 0, 1});
  folder.holds("vec_string", std::vector<std::string>{"a", "b"});
}

// The error of every response: what the method says itself, or what became of the call.
struct User {
  std::string _0;
  bool operator==(const User&) const = default;
};
struct UnknownMethod {
  bool operator==(const UnknownMethod&) const = default;
};
struct InvalidPayload {
  bool operator==(const InvalidPayload&) const = default;
};
struct Cancelled {
  bool operator==(const Cancelled&) const = default;
};
using CallError = std::variant<User, UnknownMethod, InvalidPayload, Cancelled>;

TEST(PostcardVectors, results) {
  Folder folder(both, "result");
  folder.leave_out("roam-7.1", "err_invalid_payload");
  folder.leave_out("vox-head", "err_invalid_payload");
  folder.holds("ok_u32", Either<std::uint32_t, CallError>(42));
  folder.holds("ok_string", Either<std::string, CallError>("hello"));
  folder.holds("err_user_string", Either<std::string, CallError>(own_error(User{"oops"})));
  folder.holds("err_unknown_method", Either<std::string, CallError>(own_error(UnknownMethod())));
  folder.holds("err_cancelled", Either<std::string, CallError>(own_error(Cancelled())));
}

TEST(PostcardVectors, the_refused_payload_of_7_carries_no_text) {
  const auto bytes = read_file("tests/vectors/roam-7.1/result/err_invalid_payload.bin");
  const Either<std::string, CallError> value(own_error(InvalidPayload()));
  EXPECT_EQ(to_postcard(value), bytes);
  EXPECT_EQ((from_postcard<Either<std::string, CallError>>(bytes).value()), value);
}

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool operator==(const Point&) const = default;
};
struct Nested {
  std::string name;
  Point point;
  std::vector<std::string> tags;
  bool operator==(const Nested&) const = default;
};
struct Circle {
  double _0 = 0;
  bool operator==(const Circle&) const = default;
};
struct Rect {
  double w = 0;
  double h = 0;
  bool operator==(const Rect&) const = default;
};
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
using Shape = std::variant<Circle, Rect, Nothing>;
enum class Color : std::uint8_t { red, green, blue };

TEST(PostcardVectors, composites) {
  Folder folder({"vox-head"}, "composite");
  folder.holds("enum_red", Color::red);
  folder.holds("enum_green", Color::green);
  folder.holds("enum_blue", Color::blue);
  folder.holds("enum_circle", Shape(Circle{3.14}));
  folder.holds("enum_rect", Shape(Rect{10, 20}));
  folder.holds("enum_empty", Shape(Nothing()));
  folder.holds("map_string_point", std::map<std::string, Point>{{"key", {10, 20}}});
  folder.holds("map_string_u32", std::map<std::string, std::uint32_t>{{"alpha", 1}, {"beta", 2}});
  folder.holds("option_none_point", std::optional<Point>());
  folder.holds("option_some_point", std::optional<Point>({5, 6}));
  folder.holds("struct_point", Point{10, -20});
  folder.holds("struct_nested", Nested{"test", {1, 2}, {"a", "bb"}});
  folder.holds("tuple_bool_i64", std::tuple(true, std::int64_t{-99}));
  folder.holds("tuple_u32_string", std::tuple(std::uint32_t{42}, std::string("hello")));
  folder.holds("vec_points", std::vector<Point>{{1, 2}, {3, 4}, {5, 6}});
}

}  // namespace
}  // namespace parley::codec
