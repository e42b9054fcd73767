#include "wire/roam/metadata.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/out_buffer.h"
#include "wire/roam/message.h"

namespace parley {
namespace {

using wire::roam::MetadataView;
using Octets = std::vector<std::uint8_t>;

// The metadata as a peer reads it; the bytes stay in `sent`.
MetadataView passed_on(const Metadata& metadata, Octets& sent) {
  BlockPool pool(16);
  OutBuffer out(pool);
  out.commit(wire::roam::put_metadata(out, out.room(0), metadata));
  sent.assign(out.pending().begin(), out.pending().end());
  std::uint64_t count = 0;
  const std::uint8_t* first = codec::get_varint(sent.data(), sent.data() + sent.size(), count);
  return {static_cast<std::uint32_t>(count), {first, sent.data() + sent.size()}};
}

TEST(Metadata, the_first_entry_with_a_key_is_found) {
  const Metadata metadata{{"a", 1u}, {"b", "two"}, {"a", 3u}};
  ASSERT_TRUE(metadata.find("a"));
  EXPECT_EQ(metadata.find("a")->value, MetadataEntry::Value(std::uint64_t{1}));
  ASSERT_TRUE(metadata.find_number("a"));
  EXPECT_EQ(*metadata.find_number("a"), 1u);
  ASSERT_TRUE(metadata.find_text("b"));
  EXPECT_EQ(*metadata.find_text("b"), "two");
  EXPECT_FALSE(metadata.find("c"));
  EXPECT_FALSE(metadata.find_text("a"));  // another type
  EXPECT_FALSE(metadata.find_number("b"));
  EXPECT_FALSE(Metadata().find("a"));
}

TEST(Metadata, keys_differ_by_case) {
  // rule: calls/rpc.metadata.keys
  const Metadata metadata{{"Trace-Id", "upper"}, {"trace-id", "lower"}, {"schlüssel", "ok"}};
  EXPECT_EQ(*metadata.find_text("Trace-Id"), "upper");
  EXPECT_EQ(*metadata.find_text("trace-id"), "lower");
  EXPECT_FALSE(metadata.find("TRACE-ID"));
  Octets sent;
  const MetadataView view = passed_on(metadata, sent);
  EXPECT_TRUE(view.has("Trace-Id"));
  EXPECT_TRUE(view.has("trace-id"));
  EXPECT_TRUE(view.has("schlüssel"));
  EXPECT_FALSE(view.has("TRACE-ID"));
  // A key that is not UTF-8 is no key.
  const Octets entry{2, 'k', 0xff, 2, 0, 0};
  MetadataView::Entry read;
  EXPECT_FALSE(MetadataView::read_entry(entry.data(), entry.data() + entry.size(), read));
}

TEST(Metadata, a_key_may_occur_more_than_once_and_order_is_kept) {
  // rule: calls/rpc.metadata.duplicates
  const Metadata metadata{{"b", 1u}, {"a", "x"}, {"b", Octets{2}}, {"a", "x"}, {"", 0u}};
  Octets sent;
  EXPECT_EQ(passed_on(metadata, sent).to_metadata(), metadata);
}

TEST(Metadata, a_value_is_a_text_or_bytes_or_a_number) {
  // rule: calls/rpc.metadata.value
  const Metadata metadata{{"text", "äöü"},
                          {"no-text", ""},
                          {"bytes", Octets{0, 0xff, 0x80}},
                          {"no-bytes", Octets{}},
                          {"number", ~std::uint64_t{0}},
                          {"zero", 0u}};
  Octets sent;
  const MetadataView view = passed_on(metadata, sent);
  EXPECT_EQ(view.to_metadata(), metadata);
  std::vector<MetadataView::Entry::Type> types;
  view.for_each([&](const MetadataView::Entry& entry) { types.push_back(entry.type); });
  using enum MetadataView::Entry::Type;
  EXPECT_EQ(types, (std::vector{text, text, bytes, bytes, number, number}));

  MetadataView::Entry entry;
  const Octets third{1, 'k', 3, 0, 0};  // there is no fourth type
  EXPECT_FALSE(MetadataView::read_entry(third.data(), third.data() + third.size(), entry));
  const Octets not_text{1, 'k', 0, 2, 0xc3, 0x28, 0};
  EXPECT_FALSE(MetadataView::read_entry(not_text.data(), not_text.data() + not_text.size(), entry));
  const Octets as_bytes{1, 'k', 1, 2, 0xc3, 0x28, 0};
  EXPECT_EQ(MetadataView::read_entry(as_bytes.data(), as_bytes.data() + as_bytes.size(), entry),
            as_bytes.data() + as_bytes.size());
}

TEST(Metadata, flags_that_nobody_knows_are_passed_on) {
  // rule: calls/rpc.metadata.flags
  const std::uint64_t unknown = (std::uint64_t{1} << 63) | 0x50;
  const Metadata metadata{{"a", "x", unknown}, {"b", 7u, unknown | Metadata::no_propagate}};
  Octets sent;
  Octets sent_again;
  const Metadata received = passed_on(metadata, sent).to_metadata();
  EXPECT_EQ(received, metadata);
  EXPECT_EQ(passed_on(received, sent_again).to_metadata(), metadata);
  EXPECT_EQ(sent, sent_again);

  Metadata fresh;  // and none is set on what we make
  fresh.add("c", "y");
  EXPECT_EQ(fresh.find("c")->flags, 0u);
}

TEST(Metadata, the_view_finds_what_the_metadata_finds) {
  const Metadata metadata{{"a", "text"}, {"a", 5u}, {"n", 9u}, {"n", 10u}};
  Octets sent;
  const MetadataView view = passed_on(metadata, sent);
  std::uint64_t storage = 0;
  EXPECT_FALSE(metadata.find_number("a"));
  EXPECT_FALSE(view.find_number("a", storage));
  ASSERT_TRUE(view.find_number("n", storage));
  EXPECT_EQ(storage, 9u);
  EXPECT_FALSE(view.find_number("m", storage));
  EXPECT_FALSE(MetadataView().find_number("n", storage));
  EXPECT_TRUE(MetadataView().to_metadata().empty());
}

TEST(Metadata, a_view_is_encoded_as_it_was_received) {
  const Metadata metadata{{"a", "text", 1}, {"b", Octets{1, 2}}, {"c", 300u}};
  Octets sent;
  const MetadataView view = passed_on(metadata, sent);
  BlockPool pool(16);
  OutBuffer out(pool);
  out.commit(wire::roam::put_metadata(out, out.room(0), view));
  EXPECT_EQ(Octets(out.pending().begin(), out.pending().end()), sent);
}

TEST(Metadata, every_part_of_an_entry_that_is_missing_is_noticed) {
  for (const MetadataEntry& entry :
       {MetadataEntry{"key", "text", 300}, {"key", Octets{1, 2, 3}, 300}, {"key", 300u, 300}}) {
    Octets sent;
    passed_on(Metadata{entry}, sent);
    sent.erase(sent.begin());  // the count
    for (std::size_t size = 0; size < sent.size(); ++size) {
      const Octets part(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(size));
      MetadataView::Entry read;
      EXPECT_FALSE(MetadataView::read_entry(part.data(), part.data() + part.size(), read)) << size;
    }
  }
}

TEST(Metadata, a_length_beyond_what_remains_is_refused_however_large) {
  MetadataView::Entry entry;
  for (const Octets& bytes : {Octets{4, 'k', 'e', 'y'}, Octets{1, 'k', 1, 9, 1, 2},
                              Octets{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'k'}}) {
    EXPECT_FALSE(MetadataView::read_entry(bytes.data(), bytes.data() + bytes.size(), entry));
  }
}

TEST(Metadata, sensitive_values_are_not_shown) {
  // rule: calls/rpc.metadata.flags.sensitive
  const std::uint64_t secret_number = 424242;
  const Metadata metadata{{"trace-id", "abc123"},
                          {"auth", "hunter2", Metadata::sensitive},
                          {"pin", secret_number, Metadata::sensitive | Metadata::no_propagate},
                          {"key", Octets{0xde, 0xad}, Metadata::sensitive | 0x80},
                          {"attempt", 2u},
                          {"blob", Octets{1, 2, 3}}};
  EXPECT_EQ(to_string(metadata),
            "trace-id=\"abc123\" auth=(sensitive) pin=(sensitive) key=(sensitive) attempt=2 blob=(3 bytes)");
  EXPECT_EQ(to_string(Metadata()), "");
}

TEST(Metadata, what_a_peer_chose_cannot_leave_its_line_or_pass_for_another_entry) {
  const Metadata metadata{{"a", "x\" b=(sensitive)\n\x1b[2J"}, {"c=1 d", 2u}, {"", 3u}, {"ü\n", 4u}};
  EXPECT_EQ(to_string(metadata), R"(a="x\" b=(sensitive)\n\x1b[2J" "c=1 d"=2 ""=3 "ü\n"=4)");
}

TEST(Metadata, is_set_and_erased_by_its_key) {
  Metadata metadata{{"a", 1u}, {"b", 2u}, {"a", 3u, Metadata::sensitive}};
  metadata.set("a", "new", 64);
  EXPECT_EQ(metadata, (Metadata{{"b", 2u}, {"a", "new", 64}}));
  metadata.set("c", 5u);
  EXPECT_EQ(metadata.erase("b"), 1u);
  EXPECT_EQ(metadata.erase("b"), 0u);
  EXPECT_EQ(metadata, (Metadata{{"a", "new", 64}, {"c", 5u}}));
}

// A test that fails prints both sides, and its output goes into logs.
TEST(Metadata, googletest_prints_no_secret) {
  // rule: calls/rpc.metadata.flags.sensitive
  const Metadata secret{{"auth", "hunter2", Metadata::sensitive}, {"open", "x"}};
  EXPECT_EQ(testing::PrintToString(secret), "[auth=(sensitive) open=\"x\"]");
  EXPECT_EQ(testing::PrintToString(*secret.begin()), "auth=(sensitive)");
  EXPECT_EQ(testing::PrintToString(std::vector<Metadata>{secret}), "{ [auth=(sensitive) open=\"x\"] }");
}

TEST(MetadataDeathTest, a_view_of_what_is_no_entry_stops_the_program) {
  const Octets one{1, 'k', 2, 0, 0};
  const MetadataView view(2, one);  // it says two
  EXPECT_DEATH(view.to_metadata(), "cursor != nullptr");
}

}  // namespace
}  // namespace parley
