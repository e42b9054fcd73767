#include "wire/roam/dissector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "wire/records/records_suite.h"

namespace parley::wire::roam {
namespace {

using namespace records::suite;
using records::From;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> lines_of(const std::vector<records::Record>& recording, const Catalog& catalog = {}) {
  Dissector dissector(catalog);
  std::vector<std::string> lines;
  for (const records::Record& record : recording) {
    const auto one = dissector.dissect(record);
    if (one) lines.push_back(to_line(*one).substr(12));  // behind the time
  }
  return lines;
}
std::string last_line(const std::vector<records::Record>& recording, const Catalog& catalog = {}) {
  return lines_of(recording, catalog).back();
}
std::string last_json(const std::vector<records::Record>& recording, const Catalog& catalog = {}) {
  Dissector dissector(catalog);
  std::string json;
  for (const records::Record& record : recording) json = to_json(*dissector.dissect(record));
  return json;
}

Octets as_octets(std::string_view text) { return {text.begin(), text.end()}; }
Octets on_connection(std::uint8_t connection, Octets message) {
  message[0] = connection;
  return message;
}

Catalog described() {
  Catalog catalog;
  catalog.add("Calculator", calculator()).value();
  return catalog;
}

TEST(Dissector, a_call_is_shown_by_its_description) {
  Script script;
  script.client(hello()).server(hello_yourself());
  script.client(call(1, divide_id, values(std::int64_t{7}, std::int64_t{2})));
  script.server(response(1, octets({{0}, values(std::int64_t{3})})));
  script.client(call(3, divide_id, values(std::int64_t{7}, std::int64_t{0})));
  script.server(response(3, octets({{1, 0}, values(std::string("by zero"))})));
  const Catalog catalog = described();
  EXPECT_THAT(lines_of(script.records, catalog),
              ElementsAre("  1 >   0 hello              version 7 requests max 64 (odd ids)",
                          "  1 <   0 hello-yourself     requests max 64 (even ids)",
                          R"(  1 >   0 call 1             Calculator.divide {"a":7,"b":2})",
                          "  1 <   0 response 1         Calculator.divide = 3",
                          R"(  1 >   0 call 3             Calculator.divide {"a":7,"b":0})",
                          R"(  1 <   0 response 3         Calculator.divide error "by zero")"));
  EXPECT_EQ(last_json(script.records, catalog),
            R"({"at_us":6000,"session":1,"stream":1,"from":"server","kind":"response","connection":0,"call":3,)"
            R"("method":"Calculator.divide","outcome":"error","value":"by zero"})");
}

TEST(Dissector, items_are_shown_by_the_call_that_lists_their_channel) {
  Script script;
  script.client(call(1, sum_id, {}, {5}));
  script.client(item(5, values(std::int32_t{-3})));
  script.server(credit(5, 8));
  script.client(close(5));
  script.client(item(5, values(std::int32_t{1})));
  const Catalog catalog = described();
  EXPECT_THAT(lines_of(script.records, catalog),
              ElementsAre("  1 >   0 call 1             Calculator.sum {} channels 5",
                          "  1 >   0 item 5             Calculator.sum $.numbers -3",
                          "  1 <   0 grant-credit 5     Calculator.sum $.numbers credit 8",
                          "  1 >   0 close 5            Calculator.sum $.numbers",
                          "  1 >   0 item 5             Calculator.sum $.numbers 1 ! the channel is over"));
}

TEST(Dissector, what_is_not_described_is_shown_as_bytes) {
  Script script;
  script.client(call(1, divide_id, {0x0e, 0x04}));
  EXPECT_EQ(last_line(script.records), "  1 >   0 call 1             0x1111111111111111 (2 bytes) 0e04");
  EXPECT_THAT(last_json(script.records), HasSubstr(R"("method":"0x1111111111111111","hex":"0e04")"));
  script.server(response(1, octets({{0}, Octets(100, 0xab)})));
  EXPECT_THAT(last_line(script.records), HasSubstr("0x1111111111111111 = (100 bytes) abab"));
  EXPECT_LT(last_line(script.records).size(), 150u);
  EXPECT_GT(last_json(script.records).size(), 300u);
}

TEST(Dissector, what_is_not_as_described_is_shown_and_said) {
  const Catalog catalog = described();
  Script script;
  script.client(call(1, divide_id, {0x80}));
  EXPECT_THAT(last_line(script.records, catalog), HasSubstr("(1 bytes) 80 ! the arguments are not what is described"));
  script.server(response(1, {0, 0x80}));
  EXPECT_THAT(last_line(script.records, catalog), HasSubstr("! it is not what is described"));
  script.client(call(3, sum_id, {}, {5, 7}));
  EXPECT_THAT(last_line(script.records, catalog), HasSubstr("2 channels are listed, and the arguments have 1"));
}

TEST(Dissector, no_secret_is_shown_anywhere) {
  // rule: calls/rpc.metadata.flags.sensitive
  const Metadata metadata{{"parley-token", std::string("hunter2"), 0},
                          {"key", std::string("hunter2"), Metadata::sensitive},
                          {"pin", std::uint64_t{424242}, Metadata::sensitive},
                          {"plain", std::string("open\n"), 0},
                          {"attempt", std::uint64_t{2}, 0},
                          {"raw", std::vector<std::uint8_t>{1, 2}, 0}};
  Script script;
  script.client(call(1, divide_id, {}, {}, metadata));
  const std::string line = last_line(script.records);
  EXPECT_THAT(line,
              HasSubstr(R"([parley-token=(sensitive), key=(sensitive), pin=(sensitive), plain="open\n", attempt=2, )"
                        R"(raw=(2 bytes)])"));
  const std::string json = last_json(script.records);
  EXPECT_THAT(json, HasSubstr(R"({"key":"parley-token","sensitive":true})"));
  EXPECT_THAT(json, HasSubstr(R"({"key":"attempt","value":2},{"key":"raw","hex":"0102"})"));
  for (const std::string& text : {line, json}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos);
    EXPECT_EQ(text.find("424242"), std::string::npos);
  }
}

TEST(Dissector, errors_of_ours_are_explained) {
  Script script;
  script.client(call(1, divide_id, {}));
  const Octets entries = octets({{2},
                                 {12},
                                 as_octets("parley-error"),
                                 {2},
                                 varint(6001),
                                 {0},
                                 {11},
                                 as_octets("parley-note"),
                                 {0, 3},
                                 as_octets("5 s"),
                                 {0}});
  script.server(octets({{0, 7, 1, 1, 0}, entries, {1, 3}}));
  EXPECT_THAT(last_line(script.records), HasSubstr("cancelled ["));
  EXPECT_THAT(last_line(script.records), HasSubstr("(timed_out: the deadline of the call passed (5 s))"));
  script.server({0, 2, 4, 'o', 'o', 'p', 's'});
  EXPECT_THAT(last_line(script.records), HasSubstr("the other side ended the session: oops"));
}

TEST(Dissector, what_cannot_be_read_is_shown_with_where_and_why) {
  const auto line = [](Octets message) { return last_line(Script().client(std::move(message)).records); };
  EXPECT_EQ(line({0, 11, 5}), "  1 >   - malformed          (3 bytes) 000b05 ! unknown message kind, at byte 1");
  EXPECT_THAT(line({0, 9, 5, 6}), HasSubstr("! bytes after the end of the message, at byte 3"));
  EXPECT_THAT(line({0, 7, 1}), HasSubstr("! number cut off"));
  EXPECT_THAT(line({}), HasSubstr("malformed"));
  EXPECT_THAT(line({0, 0, 8, 1, 2}), HasSubstr("! version 8 is not 7"));
}

TEST(Dissector, what_belongs_to_nothing_is_said) {
  const auto line = [](From from, Octets message) {
    return last_line({records::Passed{1, from, 0, std::move(message)}});
  };
  EXPECT_THAT(line(From::server, response(9, {0})), HasSubstr("! no call of this id is in the recording"));
  EXPECT_THAT(line(From::client, item(9, {0})), HasSubstr("! no channel of this id is in the recording"));
  EXPECT_THAT(line(From::client, {0, 7, 9, 2, 0}), HasSubstr("! no call of this id is in the recording"));
  Script twice;
  twice.client(call(1, divide_id, {})).server(response(1, {0, 6})).server(response(1, {0, 6}));
  EXPECT_THAT(last_line(twice.records), HasSubstr("! the call has been answered before"));
  EXPECT_THAT(last_line(Script().client(call(1, 5, {})).server(response(1, {7})).records),
              HasSubstr("! neither a result nor an error"));
}

std::vector<std::string> lines_remembering(std::size_t most, const std::vector<records::Record>& recording) {
  const Catalog catalog = described();
  Dissector dissector(catalog, most);
  std::vector<std::string> lines;
  for (const records::Record& record : recording) lines.push_back(to_line(dissector.dissect(record).value()));
  return lines;
}

TEST(Dissector, beyond_its_bound_it_says_that_it_does_not_remember) {
  Script script;
  script.client(call(1, sum_id, {}, {1, 3, 5}));
  script.client(item(5, {1})).client(item(3, {1})).server(response(1, {0, 2}));
  const auto lines = lines_remembering(2, script.records);
  EXPECT_THAT(lines[0], HasSubstr("(what belongs to it is not remembered, beyond 2)"));
  EXPECT_THAT(lines[1], HasSubstr("item 5             (1 bytes) 01 (channel is not remembered, beyond 2)"));
  EXPECT_THAT(lines[2], HasSubstr("item 3             Calculator.sum"));
  EXPECT_THAT(lines[3], HasSubstr("Calculator.sum = 1"));
  for (const std::string& line : {lines[1], lines[3]}) EXPECT_EQ(line.find('!'), std::string::npos);

  Script calls;
  for (const std::uint64_t id : {1, 3, 5}) calls.client(call(id, divide_id, {0, 0}));
  calls.server(response(5, {0, 2}));
  EXPECT_THAT(lines_remembering(2, calls.records).back(),
              HasSubstr("= (1 bytes) 02 (call is not remembered, beyond 2)"));
}

TEST(Dissector, what_is_over_makes_room) {
  Script script;
  // The third call needs a place, and takes that of the first; the second channel that of the first.
  for (const std::uint64_t id : {1, 3, 5}) {
    script.client(call(id, sum_id, {}, {id + 100})).client(close(id + 100)).server(response(id, {0, 2}));
  }
  for (const std::string& line : lines_remembering(2, script.records)) EXPECT_THAT(line, HasSubstr("Calculator.sum"));
  script.client(item(101, {2})).client(item(105, {2})).server(response(1, {0, 2})).server(response(3, {0, 2}));
  const auto lines = lines_remembering(2, script.records);
  EXPECT_THAT(lines[9], HasSubstr("channel is not remembered"));
  EXPECT_THAT(lines[10], HasSubstr("! the channel is over"));
  EXPECT_THAT(lines[11], HasSubstr("call is not remembered"));
  EXPECT_THAT(lines[12], HasSubstr("! the call has been answered before"));
}

TEST(Dissector, an_id_that_is_given_again_is_not_over) {
  Script script;
  script.client(call(1, sum_id, {}, {5})).client(close(5)).client(call(3, sum_id, {}, {5}));
  script.client(call(5, sum_id, {}, {7})).client(call(7, sum_id, {}, {9})).client(item(5, values(std::int32_t{4})));
  EXPECT_THAT(lines_remembering(2, script.records).back(), HasSubstr("Calculator.sum $.numbers 4"));
}

TEST(Dissector, a_connection_names_the_service_of_its_calls) {
  const Catalog catalog = described();
  Script script;
  script.client(octets({{1, 3, 0, 64, 1, 14}, as_octets("parley-service"), {0, 3}, as_octets("Sum"), {0}}));
  EXPECT_THAT(last_line(script.records), HasSubstr(R"(  1 connection-open    requests max 64 [parley-service="Sum"])"));
  script.server({1, 4, 1, 64, 0});
  script.client(on_connection(1, call(1, divide_id, values(std::int64_t{1}, std::int64_t{2}))));
  EXPECT_THAT(last_line(script.records, catalog), HasSubstr("Sum.divide"));
  script.client({1, 6, 0});
  EXPECT_THAT(last_line(script.records), HasSubstr("  1 connection-close"));
  script.server({1, 5, 0});
  EXPECT_THAT(last_line(script.records), HasSubstr("  1 connection-reject"));
}

TEST(Dissector, a_stable_session_goes_on_over_streams) {
  const auto of = [](const auto& hello) {
    const auto bytes = stable::encode(hello);
    return Octets(bytes.begin(), bytes.end());
  };
  const Catalog catalog = described();
  Script first(1);
  first.client(of(stable::ClientHello{})).server(of(stable::ServerHello{.key = {1}, .last_received = std::nullopt}));
  first.client(octets({{0, 0}, hello()}));
  first.client(octets({{1, 1, 0}, call(1, divide_id, values(std::int64_t{1}, std::int64_t{2}))}));
  first.end(From::client, "cut");
  Script second(2);
  second.client(of(stable::ClientHello{.key = stable::Key{1}, .last_received = 0}));
  second.server(of(stable::ServerHello{.key = {2}, .last_received = 0}));
  second.client(octets({{1, 1, 0}, call(1, divide_id, values(std::int64_t{1}, std::int64_t{2}))}));
  second.server(octets({{1, 1, 1}, response(1, {0, 2})}));
  second.client({}).client({0x80});
  Script other(3);
  other.client(hello());
  std::vector<records::Record> all = first.records;
  for (const Script* more : {&second, &other}) all.insert(all.end(), more->records.begin(), more->records.end());
  const auto lines = lines_of(all, catalog);
  EXPECT_THAT(lines[0], HasSubstr("  1 >   - stable-hello       (a stable session)"));
  EXPECT_THAT(lines[3], HasSubstr(R"(call 1             Calculator.divide {"a":1,"b":2} number 1 acknowledged 0)"));
  EXPECT_THAT(lines[4], HasSubstr("  1 >   - end                (of stream 1: cut)"));
  EXPECT_THAT(lines[5], HasSubstr("  1 >   - stable-hello       acknowledged 0 (goes on with the session)"));
  EXPECT_THAT(lines[7], HasSubstr("(again)"));
  EXPECT_THAT(lines[8], HasSubstr("response 1         Calculator.divide = 1 number 1 acknowledged 1"));
  EXPECT_THAT(lines[9], HasSubstr("farewell"));
  EXPECT_THAT(lines[10], HasSubstr("malformed"));
  EXPECT_THAT(lines[11], HasSubstr("  2 >   0 hello"));
}

TEST(Dissector, what_is_no_message_is_shown_too) {
  const auto line = [](records::Record record) { return last_line({std::move(record)}); };
  EXPECT_EQ(line(records::Opened{2, 5, "unix:/a"}), "  - >   - stream             (stream 2 of unix:/a)");
  EXPECT_EQ(line(records::LeftOut{2, From::server, 5, 100, "the opening is tls"}),
            "  - <   - left-out           bytes 100 (the opening is tls)");
  EXPECT_EQ(line(records::Ended{2, From::server, 5, ""}), "  - <   - end                (of stream 2, in good order)");
  EXPECT_EQ(line(records::Stopped{5, "full"}), "  - >   - stopped            (full)");
  const Catalog catalog;
  EXPECT_FALSE(Dissector(catalog).dissect(records::Described{"Calculator", calculator()}));
}

TEST(Dissector, traffic_of_another_implementation_is_read) {
  for (const char* name : {"echo", "sum", "generate", "create_canvas", "process_message", "shape_area"}) {
    std::ifstream file(std::string("tests/vectors/roam-7.1/traffic/") + name + ".txt");
    ASSERT_TRUE(file) << name;
    Script script;
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string direction;
      std::string size;
      std::string digits;
      fields >> direction >> size >> digits;
      if (size == "EOF") continue;
      direction == "C>S" ? script.client(from_hex(digits)) : script.server(from_hex(digits));
    }
    const Catalog catalog;
    Dissector dissector(catalog);
    for (const records::Record& record : script.records) {
      const auto one = dissector.dissect(record);
      ASSERT_TRUE(one);
      EXPECT_EQ(one->fault, "") << name << ' ' << to_line(*one);
      if (one->kind == "call" || one->kind == "response" || one->kind == "item") EXPECT_TRUE(one->bytes) << name;
    }
    EXPECT_GE(script.records.size(), 4u);
  }
}

}  // namespace
}  // namespace parley::wire::roam
