#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/postcard.h"

// What a peer may not send, and what a value must not be: each is refused with its own fault.
namespace parley::codec {
namespace {

using Input = std::vector<std::uint8_t>;

template <class T>
Fault fault_of(const Input& input) {
  Reader reader(input);
  T value{};
  const bool is_good = decode(reader, value) && reader.finish();
  EXPECT_EQ(is_good, reader.fault() == Fault::none);
  return reader.fault();
}

template <class T>
Fault fault_writing(const T& value) {
  BlockPool pool(64);
  OutBuffer out(pool);
  Writer writer(out);
  encode(writer, value);
  return writer.fault();
}

enum class Color : std::uint8_t { red, green, blue };
struct Circle {
  double radius = 0;
};
struct Nothing {};
using Shape = std::variant<Circle, Nothing>;
struct Tree {
  std::vector<Tree> children;
};
struct Chain {
  std::optional<std::unique_ptr<Chain>> next;
};

TEST(PostcardStrict, a_value_that_ends_too_early) {
  EXPECT_EQ(fault_of<std::uint8_t>({}), Fault::cut_off);
  EXPECT_EQ(fault_of<bool>({}), Fault::cut_off);
  EXPECT_EQ(fault_of<std::uint64_t>({0x80}), Fault::cut_off);
  EXPECT_EQ(fault_of<std::uint64_t>({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}), Fault::cut_off);
  EXPECT_EQ(fault_of<unsigned __int128>({0x80, 0x80}), Fault::cut_off);
  EXPECT_EQ(fault_of<double>({1, 2, 3, 4, 5, 6, 7}), Fault::cut_off);
  EXPECT_EQ(fault_of<std::string>({5, 'a'}), Fault::cut_off);
  EXPECT_EQ(fault_of<std::vector<std::uint8_t>>({2, 1}), Fault::cut_off);
  EXPECT_EQ(fault_of<std::optional<int>>({1}), Fault::cut_off);
}

TEST(PostcardStrict, bytes_behind_the_value) {
  EXPECT_EQ(fault_of<std::uint8_t>({1, 2}), Fault::left_over);
  EXPECT_EQ(fault_of<std::monostate>({0}), Fault::left_over);
}

TEST(PostcardStrict, a_number_beyond_its_largest_form) {
  Input eleven(10, 0x80);
  eleven.push_back(0);
  EXPECT_EQ(fault_of<std::uint64_t>(eleven), Fault::varint);
  EXPECT_EQ(fault_of<std::uint64_t>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}), Fault::varint);
  EXPECT_EQ(fault_of<std::uint64_t>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), Fault::none);
  Input wide(18, 0xff);
  wide.push_back(0x03);
  EXPECT_EQ(fault_of<unsigned __int128>(wide), Fault::none);
  wide.back() = 0x04;
  EXPECT_EQ(fault_of<unsigned __int128>(wide), Fault::varint);
}

TEST(PostcardStrict, a_number_that_peers_would_truncate) {
  EXPECT_EQ(fault_of<std::uint16_t>({0x80, 0x80, 0x04}), Fault::out_of_range);
  EXPECT_EQ(fault_of<std::uint16_t>({0xff, 0xff, 0x03}), Fault::none);
  EXPECT_EQ(fault_of<std::int16_t>({0x80, 0x80, 0x04}), Fault::out_of_range);
  EXPECT_EQ(fault_of<std::uint32_t>({0x80, 0x80, 0x80, 0x80, 0x10}), Fault::out_of_range);
  EXPECT_EQ(fault_of<std::int32_t>({0x80, 0x80, 0x80, 0x80, 0x10}), Fault::out_of_range);
  EXPECT_EQ(fault_of<std::int32_t>({0xff, 0xff, 0xff, 0xff, 0x0f}), Fault::none);
}

TEST(PostcardStrict, a_longer_form_of_a_small_number_is_read) {
  EXPECT_EQ(from_postcard<std::uint32_t>(Input{0x81, 0x80, 0x00}).value(), 1u);
}

TEST(PostcardStrict, a_bool_or_optional_of_another_value) {
  EXPECT_EQ(fault_of<bool>({2}), Fault::bool_value);
  EXPECT_EQ(fault_of<std::optional<std::uint8_t>>({2, 0}), Fault::bool_value);
  EXPECT_EQ(fault_of<std::vector<bool>>({1, 0xff}), Fault::bool_value);
}

TEST(PostcardStrict, text_that_is_not_utf8) {
  EXPECT_EQ(fault_of<std::string>({2, 0xc3, 0x28}), Fault::utf8);
  EXPECT_EQ(fault_of<std::string_view>({1, 0xff}), Fault::utf8);
}

TEST(PostcardStrict, a_char_that_is_not_one_scalar) {
  EXPECT_EQ(fault_of<char32_t>({0}), Fault::char_value);
  EXPECT_EQ(fault_of<char32_t>({2, 'a', 'b'}), Fault::char_value);
  EXPECT_EQ(fault_of<char32_t>({3, 0xed, 0xa0, 0x80}), Fault::char_value);
  EXPECT_EQ(from_postcard<char32_t>(Input{2, 0xc3, 0xa9}).value(), U'\u00e9');
}

TEST(PostcardStrict, a_variant_that_the_type_does_not_have) {
  EXPECT_EQ(fault_of<Color>({3}), Fault::variant);
  EXPECT_EQ(fault_of<Shape>({2}), Fault::variant);
  EXPECT_EQ((fault_of<Either<std::uint8_t, std::uint8_t>>({2, 0})), Fault::variant);
  EXPECT_EQ(fault_of<Color>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), Fault::variant);
}

TEST(PostcardStrict, a_count_beyond_what_is_left) {
  EXPECT_EQ(fault_of<std::vector<std::uint32_t>>({3, 1, 2}), Fault::count);
  EXPECT_EQ(fault_of<std::vector<Circle>>({0xff, 0xff, 0xff, 0xff, 0x0f}), Fault::count);
  EXPECT_EQ(fault_of<std::vector<std::string>>({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
            Fault::count);
  EXPECT_EQ((fault_of<std::map<std::string, std::uint8_t>>({2, 0, 0, 0})), Fault::count);
  EXPECT_EQ(fault_of<std::set<std::uint16_t>>({2, 0}), Fault::count);
}

TEST(PostcardStrict, elements_without_bytes_have_a_bound_of_their_own) {
  EXPECT_EQ(fault_of<std::vector<Nothing>>({0x80, 0x80, 0x04}), Fault::none);   // 65536
  EXPECT_EQ(fault_of<std::vector<Nothing>>({0x81, 0x80, 0x04}), Fault::count);  // 65537
}

TEST(PostcardStrict, a_key_that_is_there_twice) {
  EXPECT_EQ((fault_of<std::map<std::uint8_t, bool>>({2, 1, 0, 1, 1})), Fault::duplicate);
  EXPECT_EQ(fault_of<std::set<std::uint8_t>>({2, 1, 1}), Fault::duplicate);
}

TEST(PostcardStrict, nesting_beyond_the_limit) {
  // rule: calls/weakness.23
  Input deep(depth_default, 1);
  deep.push_back(0);
  EXPECT_EQ(fault_of<Tree>(deep), Fault::depth);
  deep.erase(deep.begin());
  EXPECT_EQ(fault_of<Tree>(deep), Fault::none);

  Input chain(depth_default + 1, 1);
  chain.push_back(0);
  EXPECT_EQ(fault_of<Chain>(chain), Fault::depth);
  chain.erase(chain.begin());
  EXPECT_EQ(fault_of<Chain>(chain), Fault::none);
  EXPECT_EQ(fault_of<Chain>(Input(1'000'000, 1)), Fault::depth);
}

TEST(PostcardStrict, lists_beside_each_other_are_not_deeper) {
  const std::vector<std::vector<std::string>> many(200, {"a"});
  EXPECT_EQ(fault_of<std::vector<std::vector<std::string>>>(to_postcard(many)), Fault::none);
}

// One byte on the wire, a kilobyte here.
struct Large {
  std::optional<std::array<double, 128>> numbers;
};

TEST(PostcardStrict, a_message_that_would_grow_beyond_the_memory_allowed) {
  Input input = to_postcard(std::vector<Large>(100));
  ASSERT_EQ(input.size(), 101u);
  std::vector<Large> list;
  Reader narrow(input, nullptr, depth_default, 99 * sizeof(Large));
  EXPECT_FALSE(decode(narrow, list));
  EXPECT_EQ(narrow.fault(), Fault::memory);
  Reader wide(input, nullptr, depth_default, 100 * sizeof(Large));
  EXPECT_TRUE(decode(wide, list));
  EXPECT_EQ(list.size(), 100u);
}

TEST(PostcardStrict, the_count_alone_reserves_no_more_than_the_bytes_justify) {
  Input input = to_postcard(std::vector<Large>(10'000));
  input[2] = 7;  // the first element's mark is wrong
  std::vector<Large> list;
  Reader reader(input);
  EXPECT_FALSE(decode(reader, list));
  EXPECT_EQ(reader.fault(), Fault::bool_value);
  EXPECT_LE(list.capacity() * sizeof(Large), input.size() + sizeof(Large));
}

TEST(PostcardStrict, an_error_says_what_and_where) {
  const auto result =
      from_postcard<std::tuple<std::uint8_t, std::string, bool>>(Input{1, 2, 'a', 'b', 9}, Code::arguments);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::arguments);
  EXPECT_EQ(result.error().note, "a bool or the mark of an optional is neither 0 nor 1 (at byte 4 of 5)");
}

TEST(PostcardStrict, every_fault_has_a_sentence) {
  for (int number = 0; number <= static_cast<int>(Fault::null_pointer); ++number) {
    EXPECT_NE(to_string(static_cast<Fault>(number)), "unknown fault") << number;
  }
  EXPECT_EQ(to_string(static_cast<Fault>(200)), "unknown fault");
}

TEST(PostcardStrict, a_value_that_is_none_of_its_type_is_noticed_when_written) {
  EXPECT_EQ(fault_writing(static_cast<Color>(7)), Fault::enumerator);
  EXPECT_EQ(fault_writing(std::unique_ptr<int>()), Fault::null_pointer);
  EXPECT_EQ(fault_writing(static_cast<char32_t>(0xd800)), Fault::char_value);
  EXPECT_EQ(fault_writing(std::tuple(Color::blue, std::make_unique<int>(1), U'x')), Fault::none);
  Tree tree;
  for (std::uint32_t i = 0; i < depth_default; ++i) {
    Tree parent;
    parent.children.push_back(std::move(tree));
    tree = std::move(parent);
  }
  EXPECT_EQ(fault_writing(tree), Fault::depth);
  EXPECT_EQ(fault_writing(tree.children[0]), Fault::none);
}

TEST(PostcardStrictDeathTest, to_postcard_is_not_for_values_that_cannot_be_encoded) {
  EXPECT_DEATH(static_cast<void>(to_postcard(static_cast<Color>(7))), "none of its enumerators");
}

}  // namespace
}  // namespace parley::codec
