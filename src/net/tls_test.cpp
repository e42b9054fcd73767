#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "base/prng.h"
#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "net/tls_files_suite.h"

// What TLS says of who is at the other end, and how it takes what goes wrong.
namespace parley::net {
namespace {

using io::TlsOptions;
using io::suite::End;
using io::suite::Status;
using suite::TlsFiles;

class TlsTest : public testing::Test {
 protected:
  // Two ends, of whom the first has dialed `host`.
  void connect(const TlsOptions& acceptor, const TlsOptions& dialer, const std::string& host = "localhost") {
    Tls accepting(acceptor);
    Tls dialing(dialer);
    connect(accepting, dialing, host);
  }
  void connect(Tls& accepting, Tls& dialing, const std::string& host = "localhost") {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1");
    a = std::make_unique<End>(dialing.dial(world.loop(), near, host).value());
    b = std::make_unique<End>(accepting.accept(world.loop(), far).value());
    a->start();
    b->start();
    settle();
  }
  // The other end says what it likes.
  End& connect_to_bare(const TlsOptions& acceptor) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1");
    Tls accepting(acceptor);
    a = std::make_unique<End>(std::move(near));
    b = std::make_unique<End>(accepting.accept(world.loop(), far).value());
    a->start();
    b->start();
    return *a;
  }
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop());
  }
  void expect_talk() {
    a->send(bytes("hello"));
    b->send(bytes("welcome"));
    settle();
    EXPECT_EQ(as_text(b->received), "hello") << to_string(b->stream().failure());
    EXPECT_EQ(as_text(a->received), "welcome") << to_string(a->stream().failure());
  }
  static std::vector<std::uint8_t> bytes(std::string_view text) {
    return {as_bytes(text).begin(), as_bytes(text).end()};
  }
  static void expect_failure(End& end, Code code, std::string_view words) {
    EXPECT_EQ(end.over, Status::failed);
    EXPECT_EQ(end.stream().failure().code, code);
    EXPECT_NE(end.stream().failure().note.find(words), std::string::npos) << end.stream().failure().note;
  }

  io::suite::IdleWorld world;
  TlsFiles files;
  std::unique_ptr<End> a;
  std::unique_ptr<End> b;
};

TEST_F(TlsTest, two_ends_that_know_each_others_authority_talk) {
  connect(files.issue("server"), files.dialer());
  expect_talk();
  EXPECT_EQ(a->stream().peer().address, "tls:127.0.0.1:1");
  EXPECT_EQ(a->stream().peer().certificate, "CN=localhost");
  EXPECT_EQ(b->stream().peer().certificate, "");
  a->finish();
  settle();
  EXPECT_EQ(b->over, Status::ended);
  b->finish();
  settle();
  EXPECT_EQ(a->over, Status::ended);
}

TEST_F(TlsTest, the_certificate_of_a_numeric_host_names_the_address) {
  connect(files.issue("server"), files.dialer(), "127.0.0.1");
  expect_talk();
  connect(files.issue("server"), files.dialer(), "::1");
  expect_talk();
  connect(files.issue("server"), files.dialer(), "127.0.0.2");
  expect_failure(*a, Code::permission, "not for `127.0.0.2`");
}

TEST_F(TlsTest, whoever_is_dialed_proves_the_name) {
  connect(files.issue("server"), files.dialer(), "example.org");
  expect_failure(*a, Code::permission,
                 "not for `example.org`: dial a name that it has, or say TlsOptions::server_name");
  EXPECT_EQ(b->over, Status::failed);
  EXPECT_TRUE(b->received.empty());
  connect(files.issue("server"), {.authorities = files.authorities(), .server_name = "localhost"}, "example.org");
  expect_talk();
}

TEST_F(TlsTest, a_name_in_the_subject_alone_is_no_wildcard_for_others) {
  connect(files.issue("server", {.name = "x", .alternatives = "DNS:*.example.org"}), files.dialer(), "a.example.org");
  expect_talk();
  connect(files.issue("server", {.name = "x", .alternatives = "DNS:w*.example.org"}), files.dialer(), "ww.example.org");
  expect_failure(*a, Code::permission, "not for `ww.example.org`");
}

TEST_F(TlsTest, a_certificate_of_another_authority_is_refused_and_the_peer_told) {
  const TlsFiles others("Somebody Else");
  connect(files.issue("server"), others.dialer());
  expect_failure(*a, Code::permission, "TlsOptions::authorities");
  expect_failure(*b, Code::permission, "the peer does not accept our certificate");
}

TEST_F(TlsTest, a_certificate_out_of_its_time_is_refused) {
  connect(files.issue("server", {.valid_from = -7200, .valid_until = -3600}), files.dialer());
  expect_failure(*a, Code::permission, "it needs a new one");
  connect(files.issue("server", {.valid_from = 3600, .valid_until = 7200}), files.dialer());
  expect_failure(*a, Code::permission, "clocks");
}

TEST_F(TlsTest, clients_prove_who_they_are_where_that_is_demanded) {
  TlsOptions server = files.issue("server");
  server.clients = TlsOptions::Clients::required;
  connect(server, files.issue("client", {.name = "worker-7", .alternatives = ""}));
  expect_talk();
  EXPECT_EQ(b->stream().peer().certificate, "CN=worker-7");

  connect(server, files.dialer());
  expect_failure(*b, Code::permission, "TlsOptions::clients demands one");
  expect_failure(*a, Code::permission, "demands a certificate: TlsOptions::certificate");

  TlsFiles others("Somebody Else");
  TlsOptions stranger = others.issue("client");
  stranger.authorities = files.authorities();
  connect(server, stranger);
  expect_failure(*b, Code::permission, "not accepted");
  EXPECT_EQ(b->stream().peer().certificate, "");
}

TEST_F(TlsTest, clients_may_come_without_one_where_it_is_optional_but_not_with_a_strangers) {
  TlsOptions server = files.issue("server");
  server.clients = TlsOptions::Clients::optional;
  connect(server, files.dialer());
  expect_talk();
  EXPECT_EQ(b->stream().peer().certificate, "");
  TlsFiles others("Somebody Else");
  TlsOptions stranger = others.issue("client");
  stranger.authorities = files.authorities();
  connect(server, stranger);
  EXPECT_EQ(b->over, Status::failed);
}

// Speaks nothing newer than version 1.2.
class OldClient {
 public:
  OldClient() : context_(::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free) {
    ::SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    ssl_ = {::SSL_new(context_.get()), &::SSL_free};
    ::SSL_set_bio(ssl_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
    ::SSL_set_connect_state(ssl_.get());
  }
  // What it says to what came.
  std::vector<std::uint8_t> answer(ByteView came) {
    if (!came.empty()) ::BIO_write(::SSL_get_rbio(ssl_.get()), came.data(), static_cast<int>(came.size()));
    ::SSL_do_handshake(ssl_.get());
    std::vector<std::uint8_t> said(::BIO_ctrl_pending(::SSL_get_wbio(ssl_.get())));
    if (!said.empty()) ::BIO_read(::SSL_get_wbio(ssl_.get()), said.data(), static_cast<int>(said.size()));
    return said;
  }
  bool is_through() const { return ::SSL_is_init_finished(ssl_.get()) == 1; }

 private:
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> ssl_{nullptr, &::SSL_free};
};

TEST_F(TlsTest, version_1_2_is_spoken_where_that_is_allowed_and_refused_else) {
  for (const bool is_allowed : {false, true}) {
    SCOPED_TRACE(is_allowed);
    TlsOptions server = files.issue("server");
    server.allows_tls_1_2 = is_allowed;
    End& peer = connect_to_bare(server);
    OldClient client;
    for (int i = 0; i < 4; ++i) {
      if (const auto said = client.answer(std::exchange(peer.received, {})); !said.empty()) peer.send(said);
      settle();
    }
    EXPECT_EQ(client.is_through(), is_allowed);
    if (!is_allowed) EXPECT_EQ(b->stream().failure().code, Code::version);
  }
}

TEST_F(TlsTest, a_subject_cannot_write_what_it_is_not) {
  TlsOptions server = files.issue("server");
  server.clients = TlsOptions::Clients::required;
  connect(server, files.issue("client", {.name = "a,CN=root\n", .alternatives = ""}));
  expect_talk();
  EXPECT_EQ(b->stream().peer().certificate, "CN=a\\,CN=root\\0A");
}

// --- files

TEST_F(TlsTest, what_is_wrong_with_the_files_is_said) {
  const auto error_of = [](const TlsOptions& options) {
    Tls tls(options);
    const auto checked = tls.check_acceptor();
    EXPECT_FALSE(checked);
    return checked ? Error{} : checked.error();
  };
  EXPECT_EQ(error_of({}).code, Code::unsupported);
  EXPECT_NE(error_of({}).note.find("TlsOptions::certificate"), std::string::npos);
  TlsOptions good = files.issue("server");
  TlsOptions bad = good;
  bad.certificate = files.at("nowhere.pem");
  EXPECT_EQ(error_of(bad).code, Code::not_found);
  EXPECT_NE(error_of(bad).note.find("nowhere.pem"), std::string::npos);
  bad = good;
  bad.key = good.certificate;
  EXPECT_EQ(error_of(bad).code, Code::invalid);
  bad = good;
  bad.key = files.issue("other").key;
  EXPECT_EQ(error_of(bad).code, Code::invalid) << "the key of another certificate";
  bad = good;
  bad.authorities = good.key;
  EXPECT_EQ(error_of(bad).code, Code::invalid);
  bad = good;
  bad.authorities.clear();
  bad.clients = TlsOptions::Clients::required;
  EXPECT_NE(error_of(bad).note.find("authorities"), std::string::npos);
}

TEST_F(TlsTest, a_certificate_and_its_key_may_lie_in_one_file) {
  const TlsOptions apart = files.issue("server");
  std::ofstream both(files.at("both.pem"));
  both << std::ifstream(apart.certificate).rdbuf() << std::ifstream(apart.key).rdbuf();
  both.close();
  connect({.certificate = files.at("both.pem")}, files.dialer());
  expect_talk();
}

TEST_F(TlsTest, reloading_is_for_those_who_come_afterwards) {
  Tls accepting(files.issue("server", {.name = "first"}));
  Tls dialing(files.dialer());
  connect(accepting, dialing);
  EXPECT_EQ(a->stream().peer().certificate, "CN=first");
  std::unique_ptr<End> older_a = std::move(a);
  std::unique_ptr<End> older_b = std::move(b);

  const TlsOptions second = files.issue("server", {.name = "second"});
  connect(accepting, dialing);
  EXPECT_EQ(a->stream().peer().certificate, "CN=first") << "nobody has reloaded";
  ASSERT_TRUE(accepting.reload());
  connect(accepting, dialing);
  EXPECT_EQ(a->stream().peer().certificate, "CN=second");

  std::ofstream(second.certificate) << "rubbish";
  EXPECT_EQ(accepting.reload().error().code, Code::invalid);
  connect(accepting, dialing);
  EXPECT_EQ(a->stream().peer().certificate, "CN=second") << "what was good stays";
  a = std::move(older_a);
  b = std::move(older_b);
  expect_talk();
}

// --- what is not TLS, and how it ends

TEST_F(TlsTest, an_end_without_close_notify_is_a_failure_and_none_an_end) {
  connect(files.issue("server"), files.dialer());
  expect_talk();
  a->destroy();
  settle();
  expect_failure(*b, Code::link_lost, "cut off");
}

TEST_F(TlsTest, who_speaks_something_else_is_told_so) {
  End& bare = connect_to_bare(files.issue("server"));
  bare.send(bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  settle();
  expect_failure(*b, Code::protocol, "does not speak TLS");
  EXPECT_EQ(bare.over, Status::ended) << "and gets an end";
  std::uint8_t byte = 0;
  EXPECT_EQ(b->read({&byte, 1}).status, Status::failed);
  EXPECT_EQ(b->write({&byte, 1}).status, Status::failed);
}

TEST_F(TlsTest, a_peer_that_goes_during_the_handshake_is_lost) {
  End& bare = connect_to_bare(files.issue("server"));
  bare.send(bytes("\x16\x03\x01"));
  settle();
  EXPECT_FALSE(b->over);
  bare.finish();
  settle();
  expect_failure(*b, Code::link_lost, "during the handshake");
}

TEST_F(TlsTest, garbage_in_the_handshake_fails_and_nothing_worse) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    End& bare = connect_to_bare(files.issue("server"));
    std::vector<std::uint8_t> garbage = io::suite::random_bytes(prng, prng.between(1, 2000));
    if (seed % 2 == 0) {  // in a record that looks right
      const std::array<std::uint8_t, 6> head{0x16, 3, 1, 0, static_cast<std::uint8_t>(prng.next()), 1};
      garbage.insert(garbage.begin(), head.begin(), head.end());
    }
    bare.send(garbage);
    settle();
    bare.finish();
    settle();
    ASSERT_EQ(b->over, Status::failed) << seed;
    ASSERT_TRUE(b->received.empty());
    ASSERT_EQ(world.loop().blocks().held_count(), 0u) << seed;
  }
}

TEST_F(TlsTest, a_changed_record_is_never_read) {
  // A relay between the two ends that turns one bit of the dialer's data.
  auto [near, relay_near] = io::MemoryStream::make_pair(world.loop());
  auto [relay_far, far] = io::MemoryStream::make_pair(world.loop());
  Tls accepting(files.issue("server"));
  Tls dialing(files.dialer());
  a = std::make_unique<End>(dialing.dial(world.loop(), near, "localhost").value());
  b = std::make_unique<End>(accepting.accept(world.loop(), far).value());
  a->start();
  b->start();
  bool turns = false;
  const auto pass = [&](io::Stream& from, io::Stream& to) {
    std::array<std::uint8_t, 4096> part;
    for (;;) {
      const io::Transfer transfer = from.read_some(part);
      if (transfer.status != Status::moved) return;
      if (turns) part[transfer.bytes - 1] ^= 1;
      EXPECT_EQ(to.write_some({part.data(), transfer.bytes}).bytes, transfer.bytes);
    }
  };
  const auto relay = [&] {
    for (int i = 0; i < 10; ++i) {
      settle();
      pass(*relay_near, *relay_far);
      settle();
      const bool turned = std::exchange(turns, false);
      pass(*relay_far, *relay_near);
      turns = turned;
    }
  };
  relay();
  a->send(bytes("whole"));
  relay();
  ASSERT_EQ(as_text(b->received), "whole");
  turns = true;
  a->send(bytes("changed"));
  relay();
  EXPECT_EQ(as_text(b->received), "whole");
  expect_failure(*b, Code::protocol, "TLS");
}

}  // namespace
}  // namespace parley::net
