#include "core/session/session.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/roam/message_suite.h"

namespace parley::core {
namespace {

using namespace wire::roam;
using Role = Session::Role;
using Step = Session::Step;
using Phase = Session::Phase;
using SessionMachine = Session;
using wire::FrameScan;
using wire::scan_frame;

class SessionTest : public testing::Test {
 protected:
  SessionMachine& make(SessionMachine::Options options = {}) { return session.emplace(counters, std::move(options)); }
  Step hear(ByteView message) {
    Decoder decoder(message, default_limits);
    std::uint64_t connection = 0;
    wire::roam::Kind kind{};
    EXPECT_TRUE(decoder.head(connection, kind));
    return session->on_message(connection, kind, decoder, out);
  }
  Step hear(const wire::roam::Message& message) { return hear(encoded(message)); }
  // What was written since the last time, in hex, without lengths; several messages with spaces between.
  std::string said() {
    std::string text;
    ByteView bytes = out.pending();
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
      const FrameScan scan = scan_frame(bytes, 1 << 20);
      if (!text.empty()) text += ' ';
      for (const std::uint8_t byte : scan.message) {
        static constexpr char digits[] = "0123456789abcdef";
        text += digits[byte >> 4];
        text += digits[byte & 15];
      }
      bytes = bytes.subspan(scan.size);
    }
    if (size != 0) out.consume(size);
    return text;
  }
  // The description of the ProtocolError that is the last thing said.
  std::string complaint() {
    const FrameScan scan = scan_frame(out.pending(), 1 << 20);
    const Result<wire::roam::Message> message = decode_message(scan.message, default_limits);
    EXPECT_TRUE(message && std::holds_alternative<ProtocolError>(message->payload));
    EXPECT_EQ(message->connection, 0u);
    EXPECT_EQ(scan.size, out.size()) << "something else was said as well";
    const std::string text(std::get<ProtocolError>(message->payload).description);
    out.consume(out.size());
    return text;
  }
  void establish(Role role, bool is_foreign = true) {
    make({.role = role, .is_foreign = is_foreign});
    session->begin(out);
    if (role == Role::initiator) {
      ASSERT_EQ(hear({0, HelloYourself{{Parity::even, 64}, {}}}), Step::established);
    } else {
      ASSERT_EQ(hear({0, Hello{7, {Parity::odd, 64}, {}}}), Step::established);
    }
    if (!out.empty()) out.consume(out.size());
  }

  Counters counters;
  BlockPool pool{4096};
  OutBuffer out{pool};
  std::optional<SessionMachine> session;
};

// --- the handshake

TEST_F(SessionTest, the_initiator_speaks_first_and_is_established_by_the_answer) {
  // rule: calls/session.handshake
  // rule: calls/session.connection-settings.hello
  make({.role = Role::initiator, .requests_max = 64, .is_foreign = true});
  session->begin(out);
  EXPECT_EQ(said(), "000007004000");  // connection 0, Hello, version 7, odd, 64, no metadata
  EXPECT_EQ(session->phase(), Phase::opening);
  EXPECT_EQ(hear(from_hex("0001018001"
                          "00")),
            Step::established);
  EXPECT_EQ(session->phase(), Phase::established);
  EXPECT_EQ(session->parity(), Parity::odd);
  EXPECT_EQ(session->peer_requests_max(), 128u);
  EXPECT_EQ(said(), "");
}

TEST_F(SessionTest, the_acceptor_waits_and_takes_the_opposite_parity) {
  // rule: calls/session.handshake
  // rule: calls/session.parity
  for (const Parity theirs : {Parity::odd, Parity::even}) {
    make({.role = Role::acceptor, .parity = Parity::odd, .requests_max = 64, .is_foreign = true});
    session->begin(out);
    EXPECT_EQ(said(), "");
    EXPECT_EQ(hear({0, Hello{7, {theirs, 5}, {}}}), Step::established);
    EXPECT_EQ(said(), theirs == Parity::odd ? "0001014000" : "0001004000");
    EXPECT_EQ(session->parity(), opposite(theirs));
    EXPECT_EQ(session->peer_requests_max(), 5u);
  }
}

TEST_F(SessionTest, parley_peers_know_each_other_by_their_hellos) {
  const Metadata extra{{"who", "tester"}};
  make({.role = Role::initiator, .metadata = extra});
  session->begin(out);
  const FrameScan scan = scan_frame(out.pending(), 1 << 20);
  const Octets hello_bytes = octets(scan.message);
  const auto hello = decode_message(hello_bytes, default_limits);
  ASSERT_TRUE(hello);
  const Metadata sent = std::get<Hello>(hello->payload).metadata.to_metadata();
  ASSERT_NE(sent.find_number("parley"), nullptr);
  EXPECT_EQ(*sent.find_number("parley"), SessionMachine::features);
  ASSERT_NE(sent.find_text("who"), nullptr);
  out.consume(out.size());

  make({.role = Role::acceptor});
  EXPECT_EQ(hear(hello_bytes), Step::established);
  EXPECT_FALSE(session->is_peer_foreign());
  EXPECT_EQ(session->peer_metadata(), sent);
  const Octets answer = octets(scan_frame(out.pending(), 1 << 20).message);
  out.consume(out.size());

  make({.role = Role::initiator});
  EXPECT_EQ(hear(answer), Step::established);
  EXPECT_FALSE(session->is_peer_foreign());
}

TEST_F(SessionTest, an_acceptor_shows_itself_only_to_those_who_did) {
  make({.role = Role::acceptor, .requests_max = 64});
  EXPECT_EQ(hear({0, Hello{7, {Parity::odd, 64}, {}}}), Step::established);
  EXPECT_TRUE(session->is_peer_foreign());
  EXPECT_EQ(said(), "0001014000");
}

TEST_F(SessionTest, who_is_told_to_be_foreign_says_nothing_of_parley_and_believes_nothing) {
  make({.role = Role::initiator, .requests_max = 64, .is_foreign = true});
  session->begin(out);
  EXPECT_EQ(said(), "000007004000");
  SessionMachine other(counters, {.role = Role::acceptor});
  // An answer of a Parley peer, were there one.
  EXPECT_EQ(hear(from_hex("00010140"
                          "01"
                          "067061726c6579"
                          "02"
                          "01"
                          "00")),
            Step::established);
  EXPECT_TRUE(session->is_peer_foreign());
}

TEST_F(SessionTest, a_parley_entry_of_another_type_marks_no_parley_peer) {
  make({.role = Role::acceptor, .requests_max = 64});
  EXPECT_EQ(hear(from_hex("0000070040"
                          "01"
                          "067061726c6579"
                          "00"
                          "03796573"
                          "00")),
            Step::established);
  EXPECT_TRUE(session->is_peer_foreign());
}

TEST_F(SessionTest, another_version_is_answered_with_a_protocol_error_that_names_ours) {
  // rule: calls/session.handshake
  make({.role = Role::acceptor});
  EXPECT_EQ(hear({0, Hello{8, {Parity::odd, 64}, {}}}), Step::failed);
  EXPECT_EQ(session->error().code, Code::version);
  EXPECT_EQ(complaint(), "unsupported: the peer speaks another version (the hello says version 8, this end speaks 7)");
  EXPECT_EQ(session->phase(), Phase::ended);
  EXPECT_EQ(counters.protocol_errors_sent, 1u);
}

TEST_F(SessionTest, a_parley_acceptor_that_claims_the_initiators_parity_is_refused) {
  make({.role = Role::initiator});
  EXPECT_EQ(hear(from_hex("00010040"
                          "01"
                          "067061726c6579"
                          "02"
                          "01"
                          "00")),
            Step::failed);
  EXPECT_EQ(session->error().code, Code::request_parity);
  // Foreign ones may.
  make({.role = Role::initiator});
  EXPECT_EQ(hear({0, HelloYourself{{Parity::odd, 64}, {}}}), Step::established);
  EXPECT_EQ(session->parity(), Parity::odd);
}

TEST_F(SessionTest, nothing_but_the_right_hello_opens_a_session) {
  // rule: calls/session.handshake
  const std::vector<wire::roam::Message> wrong = {
      {0, HelloYourself{}}, {0, Ping{1}},          {0, Pong{1}},           {0, wire::roam::Call{.id = 1}},
      {0, Item{.id = 1}},   {2, ConnectionOpen{}}, {2, ConnectionClose{}}, {0, Cancel{.id = 1}}};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    SCOPED_TRACE(i);
    make({.role = Role::acceptor});
    EXPECT_EQ(hear(wrong[i]), Step::failed);
    EXPECT_EQ(session->error().code, Code::unexpected);
    EXPECT_NE(complaint().find("instead of a hello"), std::string::npos);
  }
  make({.role = Role::initiator});
  EXPECT_EQ(hear({0, Hello{7, {}, {}}}), Step::failed) << "two initiators";
  EXPECT_EQ(session->error().code, Code::unexpected);
}

TEST_F(SessionTest, a_session_message_belongs_to_connection_0) {
  // rule: calls/session.message.connection-id
  const std::vector<wire::roam::Message> elsewhere = {
      {2, Hello{7, {}, {}}}, {2, HelloYourself{}}, {2, ProtocolError{"x"}}, {2, Ping{1}}, {2, Pong{1}}};
  for (std::size_t i = 0; i < elsewhere.size(); ++i) {
    for (const bool is_established : {false, true}) {
      SCOPED_TRACE(i);
      if (is_established) {
        establish(Role::acceptor);
      } else {
        make({.role = Role::acceptor});
      }
      EXPECT_EQ(hear(elsewhere[i]), Step::failed);
      EXPECT_EQ(session->error().code, Code::wrong_connection);
      EXPECT_NE(complaint().find(" on connection 2 instead of 0"), std::string::npos);
    }
  }
}

// --- established

TEST_F(SessionTest, a_ping_is_answered_with_its_nonce) {
  // rule: calls/session.keepalive
  establish(Role::acceptor);
  for (const std::uint64_t nonce : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{300}, ~std::uint64_t{0}}) {
    EXPECT_EQ(hear({0, Ping{nonce}}), Step::nothing);
    const Octets pong = octets(scan_frame(out.pending(), 1 << 20).message);
    EXPECT_EQ(pong, encoded({0, Pong{nonce}}));
    out.consume(out.size());
  }
  EXPECT_EQ(counters.pings_answered, 4u);
  EXPECT_EQ(hear({0, Pong{77}}), Step::nothing);
  EXPECT_EQ(said(), "");
}

TEST_F(SessionTest, a_second_hello_breaks_the_rules) {
  // rule: calls/session.protocol-error
  for (const Role role : {Role::initiator, Role::acceptor}) {
    establish(role);
    EXPECT_EQ(hear({0, Hello{7, {}, {}}}), Step::failed);
    EXPECT_EQ(session->error().code, Code::unexpected);
    EXPECT_NE(complaint().find("a second hello"), std::string::npos);
    establish(role);
    EXPECT_EQ(hear({0, HelloYourself{}}), Step::failed);
    EXPECT_EQ(session->error().code, Code::unexpected);
    complaint();
  }
}

TEST_F(SessionTest, a_protocol_error_of_the_peer_ends_the_session_and_is_not_answered) {
  // rule: calls/weakness.22
  for (const bool is_established : {false, true}) {
    if (is_established) {
      establish(Role::initiator);
    } else {
      make({.role = Role::initiator});
    }
    counters = {};
    EXPECT_EQ(hear({0, ProtocolError{"you did it"}}), Step::failed);
    EXPECT_EQ(session->error(), (Error{Code::reported, "you did it"}));
    EXPECT_EQ(said(), "");
    EXPECT_EQ(session->phase(), Phase::ended);
    EXPECT_EQ(counters.protocol_errors_received, 1u);
    EXPECT_EQ(counters.protocol_errors_sent, 0u);
  }
}

TEST_F(SessionTest, what_a_peer_does_not_allow_is_told_as_that) {
  for (const Error& error : {Error{Code::permission, "no rule for you"}, Error{Code::in_use, {}},
                             Error{Code::overloaded, "10 names"}, Error{Code::invalid, "offered twice"}}) {
    make({.role = Role::initiator});
    EXPECT_EQ(hear({0, ProtocolError{to_string(error)}}), Step::failed);
    EXPECT_EQ(session->error(), error);
  }
  // What these say of the one who says it would be said of us.
  for (const Error& error : {Error{Code::version, "6"}, Error{Code::outbound_full, {}}, Error{Code::message, {}}}) {
    make({.role = Role::initiator});
    const std::string text = to_string(error);
    EXPECT_EQ(hear({0, ProtocolError{text}}), Step::failed);
    EXPECT_EQ(session->error(), (Error{Code::reported, text}));
  }
}

TEST_F(SessionTest, what_does_not_decode_breaks_the_rules) {
  establish(Role::acceptor);
  EXPECT_EQ(hear(from_hex("0009")), Step::failed);  // a ping without its nonce
  EXPECT_EQ(session->error().code, Code::message);
  complaint();
  establish(Role::acceptor);
  EXPECT_EQ(hear(from_hex("00090101")), Step::failed);  // and one with something behind it
  EXPECT_NE(complaint().find("bytes after the end"), std::string::npos);
}

TEST_F(SessionTest, breaking_off_tells_the_peer_once) {
  // rule: calls/weakness.22
  // rule: calls/session.protocol-error
  establish(Role::initiator);
  session->break_off({Code::credit_overflow, "channel 3"}, out);
  EXPECT_EQ(session->phase(), Phase::ended);
  EXPECT_EQ(session->error().code, Code::credit_overflow);
  EXPECT_EQ(complaint(), "protocol: a grant lifts the credit above its limit (channel 3)");
  EXPECT_EQ(counters.protocol_errors_sent, 1u);
}

using SessionDeathTest = SessionTest;
TEST_F(SessionDeathTest, nothing_is_heard_after_the_end) {
  establish(Role::initiator);
  session->end();
  EXPECT_DEATH(hear({0, Ping{1}}), "");
  EXPECT_DEATH(session->break_off({Code::message, {}}, out), "");
}

}  // namespace
}  // namespace parley::core
