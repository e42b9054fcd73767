#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "codec/golden_suite.h"
#include "runtime/hostile_suite.h"

// What peers get for breaking the rules, each way there is, toward a server and toward a client of ours: the texts on
// both sides and what was counted are tests/golden/hostile.txt. Each costs its own session only.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using Role = Session::Role;

struct Case {
  std::string_view name;
  void (*attack)(Assailed&);
  bool ends_session = true;
  Limits limits = {};
};

constexpr std::uint64_t add_id = service::MethodInfo<&Probe::add>::id;

Octets hello_with(const Octets& settings_and_metadata) { return octets({{0, 0, 7}, settings_and_metadata}); }
Octets call_with_channels(const Octets& list) { return octets({{0, 7, 1, 0}, varint(add_id), list, {0, 2, 4}}); }
Metadata entries(std::size_t count) {
  Metadata metadata;
  for (std::size_t i = 0; i < count; ++i) metadata.add("key", std::uint64_t{i});
  return metadata;
}
const Metadata large{{"key", std::string(std::size_t{64} << 10, 'x')}};

// Before the handshake, at a server or a client.
const std::vector<Case> openings{
    {"another protocol", [](Assailed& a) { a.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); }},
    {"a giant length", [](Assailed& a) { a.raw({0xff, 0xff, 0xff, 0xff}); }},
    {"garbage in a frame", [](Assailed& a) { a.says(Octets(40, 0xee)); }},
    {"an empty message", [](Assailed& a) { a.says(Octets()); }},
    {"an unknown message kind", [](Assailed& a) { a.says(Octets{0, 11}); }},
    {"half a frame, then the end", [](Assailed& a) { a.raw({9, 0, 0, 0, 0, 0, 7}).finishes(); }},
    {"half a length, then the end", [](Assailed& a) { a.raw({9, 0}).finishes(); }},
    {"the end at once", [](Assailed& a) { a.finishes(); }},
    {"silence", [](Assailed& a) { a.is_silent(); }},
    {"half a frame, then silence", [](Assailed& a) { a.raw({9, 0, 0, 0, 0, 0, 7}).is_silent(); }},
    {"a call before the hello", [](Assailed& a) { a.says(say::call_of<&Probe::add>(1, {}, 1L, 2L)); }},
    {"a ping before the hello", [](Assailed& a) { a.says(say::ping(1)); }},
    {"a report of a breach", [](Assailed& a) { a.says(say::protocol_error("I do not\nlike \x1b[31myou")); }},
};

const std::vector<Case> openings_at_server{
    {"version 8", [](Assailed& a) { a.says(say::hello(8, Parity::odd, 64)); }},
    {"an answer instead of a hello", [](Assailed& a) { a.says(say::hello_yourself(Parity::odd, 64)); }},
    {"a hello on connection 5", [](Assailed& a) { a.says(Octets{5, 0, 7, 0, 64, 0}); }},
    {"a hello that is cut off", [](Assailed& a) { a.says(Octets{0, 0, 7, 0}); }},
    {"a hello of parity 2", [](Assailed& a) { a.says(hello_with({2, 64, 0})); }},
    {"a hello with bytes behind it", [](Assailed& a) { a.says(hello_with({0, 64, 0, 1, 2})); }},
    {"a hello with 2^32 requests", [](Assailed& a) { a.says(hello_with({0, 0x80, 0x80, 0x80, 0x80, 0x10, 0})); }},
    {"65 metadata entries", [](Assailed& a) { a.says(say::hello(7, Parity::odd, 64, entries(65))); }},
    {"64 KiB of metadata in a hello", [](Assailed& a) { a.says(say::hello(7, Parity::odd, 64, large)); }},
    {"metadata that is no UTF-8", [](Assailed& a) { a.says(hello_with({0, 64, 1, 1, 0xff, 2, 0, 0})); }},
    {"metadata of an unknown type", [](Assailed& a) { a.says(hello_with({0, 64, 1, 1, 'k', 3, 0, 0})); }},
};

const std::vector<Case> openings_at_client{
    {"a hello instead of an answer", [](Assailed& a) { a.says(say::hello(7, Parity::even, 64)); }},
    {"a Parley peer that claims our parity",
     [](Assailed& a) { a.says(say::hello_yourself(Parity::odd, 64, parley_mark)); }},
};

// After it, at a server or a client.
const std::vector<Case> anywhere{
    {"garbage", [](Assailed& a) { a.says(Octets(40, 0xee)); }},
    {"an unknown message kind", [](Assailed& a) { a.says(Octets{0, 11}); }},
    {"an unknown kind of request", [](Assailed& a) { a.says(Octets{0, 7, 1, 3}); }},
    {"an unknown kind of channel message", [](Assailed& a) { a.says(Octets{0, 8, 1, 4}); }},
    {"a number that is cut off", [](Assailed& a) { a.says(Octets{0, 7, 0x80}); }},
    {"a frame above the limit", [](Assailed& a) { a.raw({0, 0, 0, 0x7f}); }},
    {"half a frame, then the end", [](Assailed& a) { a.raw({9, 0, 0, 0, 0, 7}).finishes(); }},
    {"a second hello", [](Assailed& a) { a.says(say::hello(7, Parity::odd, 64)); }},
    {"a second answer to the hello", [](Assailed& a) { a.says(say::hello_yourself(Parity::even, 64)); }},
    {"a call on connection 5", [](Assailed& a) { a.says(Octets{5, 7, 1, 0, 1, 0, 0}); }},
    {"an item on connection 5", [](Assailed& a) { a.says(Octets{5, 8, 1, 0, 1}); }},
    {"a close of connection 5", [](Assailed& a) { a.says(say::close_connection(5)); }},
    {"an accept of connection 6", [](Assailed& a) { a.says(Octets{6, 4, 0, 64, 0}); }},
    {"a ping on connection 5", [](Assailed& a) { a.says(Octets{5, 9, 1}); }},
    {"a ping with bytes behind it", [](Assailed& a) { a.says(Octets{0, 9, 1, 2}); }},
    {"a close of connection 0", [](Assailed& a) { a.says(say::close_connection(0)); }},
    {"an open of connection 0", [](Assailed& a) { a.says(say::open(0)); }},
    {"a channel that nobody announced: an item", [](Assailed& a) { a.says(say::item(77, {1})); }},
    {"a channel that nobody announced: a close", [](Assailed& a) { a.says(say::close(77)); }},
    {"a channel that nobody announced: a reset", [](Assailed& a) { a.says(say::reset(77)); }},
    {"a channel that nobody announced: credit", [](Assailed& a) { a.says(say::grant(77, 1)); }},
    {"channel 0", [](Assailed& a) { a.says(say::item(0, {1})); }},
    {"credit of 2^32", [](Assailed& a) { a.says(Octets{0, 8, 1, 3, 0x80, 0x80, 0x80, 0x80, 0x10}); }},
    {"a response that nobody asked for", [](Assailed& a) { a.says(say::response(78, {0})); }},
    {"a cancel with bytes behind it", [](Assailed& a) { a.says(octets({say::cancel(1), {1}})); }},
    {"a report of a breach", [](Assailed& a) { a.says(say::protocol_error("item beyond credit")); }},
};

// Channel 1 sends to the server, channel 3 from it; both handlers stay.
void opens_channels(Assailed& a) {
  a.says(say::call_of<&Probe::keep_rx>(1, {1}), say::call_of<&Probe::keep_tx>(3, {3}));
}

const std::vector<Case> at_server{
    {"a request id of the wrong parity", [](Assailed& a) { a.says(say::call_of<&Probe::add>(2, {}, 1L, 2L)); }},
    {"a request id in use",
     [](Assailed& a) {
       const Octets call = say::call_of<&Probe::hang>(1, {}, std::string("x"));
       a.says(call, call);
     }},
    {"an open of the wrong parity", [](Assailed& a) { a.says(say::open(2)); }},
    {"a channel of the wrong parity", [](Assailed& a) { a.says(say::call_of<&Probe::keep_rx>(1, {2})); }},
    {"a channel that was used before",
     [](Assailed& a) { a.says(say::call_of<&Probe::keep_rx>(1, {1}), say::call_of<&Probe::keep_tx>(3, {1})); }},
    {"a channel that is listed twice", [](Assailed& a) { a.says(call_with_channels({2, 1, 1})); }},
    {"65 channels in one call", [](Assailed& a) { a.says(call_with_channels(octets({{65}, Octets(65, 1)}))); }},
    {"a channel list that is cut off", [](Assailed& a) { a.says(call_with_channels({0x40, 1})); }},
    {"more channels than a connection may have",
     [](Assailed& a) {
       a.says(say::call_of<&Probe::keep_rx>(1, {1}), say::call_of<&Probe::keep_tx>(3, {3}),
              say::call_of<&Probe::keep_text>(5, {5}));
     },
     true,
     {.channels_max = 2}},
    {"65 metadata entries beside a call", [](Assailed& a) { a.says(say::call(1, add_id, {2, 4}, {}, entries(65))); }},
    {"64 KiB of metadata beside a call", [](Assailed& a) { a.says(say::call(1, add_id, {2, 4}, {}, large)); }},
    {"an item beyond the credit",
     [](Assailed& a) {
       opens_channels(a);
       for (int i = 0; i < 17; ++i) a.says(say::item(1, {2}));
     }},
    {"the wrong direction: an item",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::item(3, {2}));
     }},
    {"the wrong direction: a close",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::close(3));
     }},
    {"the wrong direction: a reset",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::reset(1));
     }},
    {"the wrong direction: credit",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::grant(1, 1));
     }},
    {"credit above its limit",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::grant(3, 1u << 24));
     }},
    {"a flood of pings whose answers it does not read",
     [](Assailed& a) {
       a.reads_no_more();
       Octets pings;
       for (int i = 0; i < 2000; ++i) pings = octets({pings, in_frame(say::ping(1))});
       for (int i = 0; i < 60; ++i) a.raw(pings);
       a.is_silent();
     }},
};

// What costs no session: it is answered or ignored, and counted.
const std::vector<Case> borne_by_server{
    {"a method that is not served", [](Assailed& a) { a.says(say::call(1, 4711, {})); }, false},
    {"arguments that do not decode", [](Assailed& a) { a.says(say::call(1, add_id, {2})); }, false},
    {"arguments with bytes behind them", [](Assailed& a) { a.says(say::call(1, add_id, {2, 4, 6})); }, false},
    {"a channel too few", [](Assailed& a) { a.says(say::call_of<&Probe::keep_rx>(1, {})); }, false},
    {"a channel too many", [](Assailed& a) { a.says(call_with_channels({1, 1})); }, false},
    {"more calls at once than allowed",
     [](Assailed& a) {
       a.says(say::call_of<&Probe::hang>(1, {}, std::string("x")), say::call_of<&Probe::hang>(3, {}, std::string("y")));
     },
     false,
     {.concurrent_requests_max = 1}},
    {"a cancel of a call that is over",
     [](Assailed& a) { a.says(say::call_of<&Probe::add>(1, {}, 1L, 2L), say::cancel(1)); }, false},
    {"an open of a further connection", [](Assailed& a) { a.says(say::open(1)); }, false},
    {"a pong that nobody asked for", [](Assailed& a) { a.says(Octets{0, 10, 1}); }, false},
    {"messages for channels that have ended",
     [](Assailed& a) {
       opens_channels(a);
       a.says(say::close(1), say::item(1, {2}), say::close(1), say::reset(3), say::reset(3), say::grant(3, 1));
     },
     false},
};

const std::vector<Case> from_foreign{
    {"items beyond the credit of a foreign peer",
     [](Assailed& a) {
       opens_channels(a);
       for (int i = 0; i < 20; ++i) a.says(say::item(1, {2}));
     },
     false},
    {"more of them than are kept",
     [](Assailed& a) {
       opens_channels(a);
       Octets items;
       for (int i = 0; i < 100; ++i) items = octets({items, in_frame(say::item(1, {2}))});
       for (int i = 0; i < 42; ++i) a.raw(items);
     },
     false},
    {"a request id of any parity", [](Assailed& a) { a.says(say::call_of<&Probe::add>(2, {}, 1L, 2L)); }, false},
};

const std::vector<Case> at_client{
    {"a second response", [](Assailed& a) { a.says(say::response(3, {0}), say::response(3, {0})); }},
    {"a call of the wrong parity", [](Assailed& a) { a.says(say::call_of<&Probe::add>(1, {}, 1L, 2L)); }},
    {"an open of the wrong parity", [](Assailed& a) { a.says(say::open(1)); }},
    {"an item beyond the credit",
     [](Assailed& a) {
       Octets items;
       for (int i = 0; i < 257; ++i) items = octets({items, in_frame(say::item(1, {2}))});
       a.raw(items);
     }},
    {"the wrong direction: an item", [](Assailed& a) { a.says(say::item(3, {2})); }},
    {"the wrong direction: a close", [](Assailed& a) { a.says(say::close(3)); }},
    {"the wrong direction: a reset", [](Assailed& a) { a.says(say::reset(1)); }},
    {"the wrong direction: credit", [](Assailed& a) { a.says(say::grant(1, 1)); }},
    {"credit above its limit", [](Assailed& a) { a.says(say::grant(3, (1u << 24) + 1)); }},
    {"65 metadata entries beside a response", [](Assailed& a) { a.says(say::response(1, {0, 0}, entries(65))); }},
};

const std::vector<Case> borne_by_client{
    {"a result that does not decode", [](Assailed& a) { a.says(say::response(1, {0, 9})); }, false},
    {"an unknown kind of error", [](Assailed& a) { a.says(say::response(1, {1, 9})); }, false},
};

const std::vector<Case> foreign_at_client{
    {"a second response of a foreign peer", [](Assailed& a) { a.says(say::response(3, {0}), say::response(3, {0})); },
     false},
};

class Hostile : public testing::Test {
 protected:
  enum class Hands : std::uint8_t { not_shaken, shaken };
  void run(Role role, Hands hands, const std::vector<Case>& cases, bool is_foreign = false) {
    for (const Case& each : cases) {
      SCOPED_TRACE(each.name);
      Assailed assailed(role, is_foreign, each.limits);
      if (hands == Hands::shaken) assailed.shakes_hands();
      each.attack(assailed);
      EXPECT_EQ(assailed.has_ended(), each.ends_session);
      text_ += '\n' + std::string(each.name) + '\n' + assailed.story();
      EXPECT_TRUE(assailed.bystander_works());
    }
  }
  void title(std::string_view text) {
    text_ += std::string(text_.empty() ? "" : "\n\n") + "-- " + std::string(text) + '\n';
  }

  std::string text_;
};

TEST_F(Hostile, peers_cost_their_own_session_and_are_told_why) {
  // rule: calls/session.protocol-error, calls/rpc.error.scope
  // rule: calls/weakness.6, calls/weakness.12, calls/weakness.18, calls/weakness.20, calls/weakness.21
  // rule: calls/weakness.22, calls/weakness.23, calls/weakness.36
  title("a server, before the handshake");
  run(Role::acceptor, Hands::not_shaken, openings);
  run(Role::acceptor, Hands::not_shaken, openings_at_server);
  title("a server, after the handshake");
  run(Role::acceptor, Hands::shaken, anywhere);
  run(Role::acceptor, Hands::shaken, at_server);
  title("a server bears");
  run(Role::acceptor, Hands::shaken, borne_by_server);
  run(Role::acceptor, Hands::shaken, from_foreign, true);
  title("a client, before the handshake");
  run(Role::initiator, Hands::not_shaken, openings);
  run(Role::initiator, Hands::not_shaken, openings_at_client);
  title("a client, after the handshake");
  run(Role::initiator, Hands::shaken, anywhere);
  run(Role::initiator, Hands::shaken, at_client);
  title("a client bears");
  run(Role::initiator, Hands::shaken, borne_by_client);
  run(Role::initiator, Hands::shaken, foreign_at_client, true);
  expect_golden("hostile.txt", text_);
}

}  // namespace
}  // namespace parley::runtime
