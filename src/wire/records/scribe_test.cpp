#include "wire/records/scribe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/records/records_suite.h"

namespace parley::wire::records {
namespace {

using namespace suite;
using roam::in_frame;
using testing::ElementsAre;
using testing::IsEmpty;

class ScribeTest : public testing::Test {
 protected:
  void take(From from, const Octets& bytes, std::size_t at_once = 1 << 20) {
    for (std::size_t at = 0; at < bytes.size(); at += at_once) {
      scribe.take(from, ByteView(bytes).subspan(at, std::min(at_once, bytes.size() - at)), ++now, records);
    }
  }
  std::vector<Octets> messages(From from) const {
    std::vector<Octets> found;
    for (const Record& record : records) {
      const auto* passed = std::get_if<Passed>(&record);
      if (passed && passed->from == from) found.push_back(passed->message);
    }
    return found;
  }
  std::vector<LeftOut> left_out() const {
    std::vector<LeftOut> found;
    for (const Record& record : records) {
      if (const auto* left = std::get_if<LeftOut>(&record)) found.push_back(*left);
    }
    return found;
  }

  KeyNumbers keys;
  Scribe scribe{1, keys};
  std::vector<Record> records;
  std::uint64_t now = 0;
};

TEST_F(ScribeTest, a_message_that_has_begun_can_be_given_up) {
  const Octets bytes = roam::octets({in_frame(hello()), in_frame(Octets(1000, 9)), in_frame(hello())});
  take(From::client, Octets(bytes.begin(), bytes.begin() + 510));
  EXPECT_EQ(scribe.pending_bytes(), 510u - 10u);
  scribe.leave_out_begun(From::server, ++now, records);
  scribe.leave_out_begun(From::client, ++now, records);
  EXPECT_EQ(scribe.pending_bytes(), 0u);
  take(From::client, Octets(bytes.begin() + 510, bytes.end()), 7);
  EXPECT_THAT(messages(From::client), ElementsAre(hello(), hello()));
  ASSERT_EQ(left_out().size(), 1u);
  EXPECT_EQ(left_out()[0].bytes, 1000u);
  EXPECT_EQ(left_out()[0].why, "a message for which there was no room");
}

TEST_F(ScribeTest, messages_are_cut_from_bytes_however_they_come) {
  const Octets one = hello();
  const Octets two = call(1, divide_id, values(std::int64_t{7}, std::int64_t{2}));
  const Octets bytes = roam::octets({in_frame(one), in_frame(two), in_frame({})});
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{3}, std::size_t{11}, bytes.size()}) {
    records.clear();
    Scribe fresh(1, keys);
    for (std::size_t at = 0; at < bytes.size(); at += at_once) {
      fresh.take(From::client, ByteView(bytes).subspan(at, std::min(at_once, bytes.size() - at)), at, records);
    }
    fresh.take(From::server, in_frame(hello_yourself()), 100, records);
    EXPECT_THAT(messages(From::client), ElementsAre(one, two, Octets())) << at_once;
    EXPECT_THAT(messages(From::server), ElementsAre(hello_yourself()));
    EXPECT_THAT(left_out(), IsEmpty());
  }
}

TEST_F(ScribeTest, secrets_are_not_recorded) {
  // rule: calls/rpc.metadata.flags.sensitive
  const Metadata metadata{{"parley-token", std::string("hunter2"), Metadata::sensitive}};
  take(From::client, roam::octets({in_frame(hello()), in_frame(call(1, sum_id, {}, {}, metadata))}), 5);
  const std::vector<Octets> recorded = messages(From::client);
  ASSERT_EQ(recorded.size(), 2u);
  const std::string_view text = as_text(recorded[1]);
  EXPECT_EQ(text.find("hunter2"), std::string_view::npos);
  EXPECT_NE(text.find("*******"), std::string_view::npos);
}

TEST_F(ScribeTest, keys_of_stable_sessions_become_numbers) {
  const auto of = [](const auto& hello) {
    const auto bytes = roam::stable::encode(hello);
    return Octets(bytes.begin(), bytes.end());
  };
  const auto number = [](std::uint8_t n) { return roam::stable::Key{n}; };
  roam::stable::Key secret{};
  secret.fill(0xab);
  take(From::client, in_frame(of(roam::stable::ClientHello{})));
  take(From::server, in_frame(of(roam::stable::ServerHello{.key = secret, .last_received = std::nullopt})));
  take(From::client, in_frame(roam::octets({{0, 0}, hello()})));
  take(From::client, in_frame({}));
  EXPECT_THAT(messages(From::client),
              ElementsAre(of(roam::stable::ClientHello{}), roam::octets({{0, 0}, hello()}), Octets()));
  EXPECT_THAT(messages(From::server),
              ElementsAre(of(roam::stable::ServerHello{.key = number(1), .last_received = std::nullopt})));

  records.clear();
  Scribe next(2, keys);
  next.take(From::client, in_frame(of(roam::stable::ClientHello{.key = secret, .last_received = 4})), 1, records);
  EXPECT_THAT(messages(From::client), ElementsAre(of(roam::stable::ClientHello{.key = number(1), .last_received = 4})));
  secret[0] = 0;
  EXPECT_EQ(keys.number_of(secret), number(2));
}

TEST_F(ScribeTest, secrets_inside_of_stable_frames_are_not_recorded) {
  const auto bytes = roam::stable::encode(roam::stable::ClientHello{});
  const Metadata metadata{{"x", std::string("hunter2"), Metadata::sensitive}};
  take(From::client, in_frame({bytes.begin(), bytes.end()}));
  take(From::client, in_frame(roam::octets({{5, 1, 3}, call(1, sum_id, {}, {}, metadata)})));
  take(From::client, in_frame({0xff, 'h', 'u', 'n', 't', 'e', 'r'}));  // no frame
  ASSERT_EQ(messages(From::client).size(), 3u);
  EXPECT_NE(as_text(messages(From::client)[1]).find("*******"), std::string_view::npos);
  EXPECT_EQ(messages(From::client)[2], Octets(7, '*'));
}

TEST_F(ScribeTest, another_protocol_is_counted_and_not_recorded) {
  const std::string request = "GET / HTTP/1.1\r\nAuthorization: Bearer hunter2\r\n\r\n";
  take(From::client, {request.begin(), request.end()}, 20);
  take(From::server, Octets(100, 'x'));
  std::uint64_t bytes = 0;
  for (const LeftOut& left : left_out()) {
    bytes += left.bytes;
    EXPECT_EQ(left.why, "the opening is http");
  }
  EXPECT_EQ(bytes, request.size() + 100);
  EXPECT_EQ(left_out().size(), records.size());
}

TEST_F(ScribeTest, a_server_that_speaks_first_is_not_recorded) {
  take(From::server, Octets(10, 'x'));
  EXPECT_THAT(left_out(), ElementsAre(LeftOut{1, From::server, 1, 10, "it came before the client's opening"}));
}

TEST_F(ScribeTest, a_message_that_is_too_long_is_left_out_and_the_next_recorded) {
  take(From::client, in_frame(hello()));
  const std::size_t size = Scribe::message_bytes_max + 1;
  Octets bytes(4 + size, 'x');
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(size >> (8 * i));
  take(From::client, bytes, 1 << 20);
  take(From::client, in_frame({0, 9, 5}));
  EXPECT_THAT(messages(From::client), ElementsAre(hello(), (Octets{0, 9, 5})));
  ASSERT_EQ(left_out().size(), 1u);
  EXPECT_EQ(left_out()[0].bytes, size);
}

TEST_F(ScribeTest, the_end_says_what_was_cut_off) {
  take(From::client, in_frame(hello()));
  take(From::client, {9, 0, 0, 0, 1});
  scribe.end(From::client, "link_lost", 7, records);
  EXPECT_THAT(left_out(), ElementsAre(LeftOut{1, From::client, 7, 5, "a message that was cut off"}));
  EXPECT_EQ(std::get<Ended>(records.back()), (Ended{1, From::client, 7, "link_lost"}));
}

}  // namespace
}  // namespace parley::wire::records
