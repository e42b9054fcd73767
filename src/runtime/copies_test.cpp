#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/memory_stream.h"
#include "runtime/framed_link.h"
#include "runtime/link_log_suite.h"
#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"
#include "runtime/stable_link_suite.h"

// How often a value is copied and encoded on its way, and what is put around it.
namespace parley::runtime::copies_test {

using namespace suite;
using testing::ElementsAre;

// Counts how often it is gone through, as encoders do.
class Counted {
 public:
  using value_type = std::int32_t;
  Counted() = default;
  explicit Counted(std::vector<std::int32_t> numbers) : numbers_(std::move(numbers)) {}

  auto begin() const {
    ++passes;
    return numbers_.begin();
  }
  auto end() const { return numbers_.end(); }
  std::size_t size() const { return numbers_.size(); }
  void clear() { numbers_.clear(); }
  void push_back(std::int32_t number) { numbers_.push_back(number); }
  std::int32_t& emplace_back() { return numbers_.emplace_back(); }
  const std::vector<std::int32_t>& numbers() const { return numbers_; }

  static inline int passes = 0;

 private:
  std::vector<std::int32_t> numbers_;
};

struct Lent {
  std::string_view text;
  ByteView bytes;
};

// Remembers what it was shown, and where that lay.
class Desk {
 public:
  Task<std::uint64_t> look(std::string_view text, Lent lent) {
    places = {text.data(), lent.text.data(), lent.bytes.data()};
    contents = {std::string(text), std::string(lent.text), std::string(as_text(lent.bytes))};
    co_return text.size();
  }
  Task<Counted> pass(Counted numbers) { co_return numbers; }
  Task<std::uint64_t> gather(Rx<Counted> in) {
    std::uint64_t count = 0;
    while (auto numbers = co_await in.recv()) count += numbers->size();
    co_return count;
  }
  Task<void> hang() { co_await release.wait(); }

  std::vector<const void*> places;
  std::vector<std::string> contents;
  Event release;
};
PARLEY_SERVICE(Desk, look, pass, gather, hang);

// Sees from where a link writes, and into what it reads.
class Watched final : public io::Stream {
 public:
  struct Seen {
    bool has_read_into(const void* place) const {
      const auto* byte = static_cast<const std::uint8_t*>(place);
      return std::ranges::any_of(
          read, [byte](ByteView span) { return byte >= span.data() && byte < span.data() + span.size(); });
    }
    void clear() { *this = {}; }
    std::vector<const std::uint8_t*> written_from;
    std::string written;
    std::vector<ByteView> read;
  };
  Watched(std::unique_ptr<io::Stream> inner, Seen& seen) : inner_(std::move(inner)), seen_(seen) {}

  using Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override {
    const io::Transfer transfer = inner_->read_some(into);
    if (transfer.bytes != 0) seen_.read.push_back(into.first(transfer.bytes));
    return transfer;
  }
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override {
    const io::Transfer transfer = inner_->write_some(from, with);
    if (transfer.bytes == 0) return transfer;
    seen_.written_from.push_back(from.data());
    seen_.written += as_text(from.first(transfer.bytes));
    return transfer;
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const io::Peer& peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<io::Stream> inner_;
  Seen& seen_;
};

// A caller and a desk, over streams that are watched.
struct Rig {
  explicit Rig(SessionOptions desk_options = {}) {
    add_service<Desk>(table, desk).value();
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    caller = start(std::move(near), caller_seen, Session::Role::initiator, {}, nullptr);
    server = start(std::move(far), server_seen, Session::Role::acceptor, std::move(desk_options), &table);
    world.settle();
    EXPECT_TRUE(caller->is_established());
    caller_seen.clear();
    server_seen.clear();
  }
  ~Rig() {
    caller.reset();
    server.reset();
    world.settle();
    EXPECT_EQ(world.loop.blocks().held_count(), 0u) << "a block outlives the sessions";
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  Client<Desk> client() { return Client<Desk>(*caller); }

  World world;
  Desk desk;
  MethodTable table;
  Watched::Seen caller_seen;
  Watched::Seen server_seen;
  Hold caller;
  Hold server;

 private:
  Hold start(std::unique_ptr<io::Stream> stream, Watched::Seen& seen, Session::Role role, SessionOptions options,
             MethodTable* methods) {
    auto link = std::make_unique<FramedLink>(world.loop, std::make_unique<Watched>(std::move(stream), seen), Limits());
    return Hold(Session::start(world.loop, std::move(link), role, std::move(options), methods));
  }
};

TEST(Copies, what_a_caller_lends_is_encoded_before_the_call_returns_and_is_written_from_there) {
  // rule: calls/zerocopy.send, calls/zerocopy.send.borrowed, calls/zerocopy.send.borrowed-in-struct
  // rule: calls/zerocopy.send.lifetime, calls/zerocopy.send.stream, calls/zerocopy.framing.pipeline.outgoing
  // rule: calls/zerocopy.copies
  Rig rig;
  std::string text = "lent";
  std::string inside = "lent in a struct";
  std::vector<std::uint8_t> bytes{'a', 'b', 'c'};
  const std::string expected = framed(as_text(say::call_of<&Desk::look>(1, {}, text, Lent{inside, bytes})));
  auto call = rig.client().call<&Desk::look>(text, Lent{inside, bytes});
  const ByteView pending = rig.caller->link().out().pending();
  EXPECT_EQ(as_text(pending), expected);
  std::ranges::fill(text, '?');
  std::ranges::fill(inside, '?');
  std::ranges::fill(bytes, '?');
  const std::uint8_t* const place = pending.data();
  EXPECT_EQ(rig.world.run(outcome(call)).value(), 4u);
  EXPECT_THAT(rig.caller_seen.written_from, ElementsAre(place)) << "the one copy is the encoding";
  EXPECT_EQ(rig.caller_seen.written, expected);
  EXPECT_THAT(rig.desk.contents, ElementsAre("lent", "lent in a struct", "abc"));
}

TEST(Copies, a_handler_is_shown_its_arguments_where_the_stream_was_read_to) {
  // rule: calls/zerocopy, calls/zerocopy.recv.stream, calls/zerocopy.framing.pipeline.incoming, calls/zerocopy.copies
  Rig rig;
  const std::vector<std::uint8_t> bytes{'a', 'b', 'c'};
  auto call = rig.client().call<&Desk::look>("text", Lent{"more text", bytes});
  ASSERT_TRUE(rig.world.run(outcome(call)));
  ASSERT_EQ(rig.desk.places.size(), 3u);
  for (const void* place : rig.desk.places) EXPECT_TRUE(rig.server_seen.has_read_into(place));
}

TEST(Copies, arguments_results_and_items_are_encoded_in_one_pass) {
  // rule: calls/zerocopy.framing.single-pass, calls/zerocopy.framing.no-double-serialize
  Rig rig;
  const Counted numbers({1, -2, 300'000});
  Counted::passes = 0;
  auto call = rig.client().call<&Desk::pass>(numbers);
  EXPECT_EQ(Counted::passes, 1);
  EXPECT_EQ(rig.world.run(outcome(call)).value().numbers(), numbers.numbers());
  EXPECT_EQ(Counted::passes, 2) << "the result is the second";
  auto [tx, rx] = channel<Counted>();
  auto gathering = rig.client().call<&Desk::gather>(std::move(rx));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(rig.world.run(send_one(tx, numbers)));
  tx.close();
  EXPECT_EQ(rig.world.run(outcome(gathering)).value(), 30u);
  EXPECT_EQ(Counted::passes, 12);
}

TEST(Copies, a_call_that_waits_in_line_is_not_encoded_again) {
  // rule: calls/zerocopy.framing.no-double-serialize
  Rig rig({.requests_max = 1});
  auto first = rig.client().call<&Desk::hang>();
  const Counted numbers({1, -2, 300'000});
  Counted::passes = 0;
  auto second = rig.client().call<&Desk::pass>(numbers);
  EXPECT_EQ(Counted::passes, 1);
  rig.world.settle();
  EXPECT_FALSE(second.is_done());
  rig.desk.release.set();
  EXPECT_EQ(rig.world.run(outcome(second)).value().numbers(), numbers.numbers());
  EXPECT_EQ(Counted::passes, 2) << "the result is the second";
  EXPECT_TRUE(rig.world.run(outcome(first)));
}

struct Keeping final : RawHandler {
  Task<Result<RawResponse>> handle(RawRequest& request) override {
    arguments = request.arguments();
    co_return RawResponse{.payload = arguments};
  }
  Bytes arguments;
};

TEST(Copies, a_payload_is_a_value_that_is_lent_or_bytes_that_are_ready) {
  // rule: calls/zerocopy.payload, calls/zerocopy.payload.borrowed, calls/zerocopy.payload.bytes
  // rule: calls/zerocopy.framing.value.opaque
  Rig rig;
  Keeping keeping;
  ASSERT_TRUE(set_rest(rig.table, keeping));
  const Counted numbers({1, -2, 300'000});
  const Octets ready = codec::to_postcard(numbers);
  auto lent = rig.client().call<&Desk::pass>(numbers);
  RawCall bytes = RawCall::start(*rig.caller, method_id<&Desk::pass>, ready);
  rig.world.settle();
  EXPECT_EQ(rig.caller_seen.written, framed(as_text(say::call_of<&Desk::pass>(1, {}, numbers))) +
                                         framed(as_text(say::call(3, method_id<&Desk::pass>, ready))));
  EXPECT_TRUE(rig.world.run(outcome(lent)));
  EXPECT_EQ(octets(bytes.await_resume()->payload.view()), ready);

  // Whoever knows no type of it gets the bytes as they are, in the block that they came in.
  rig.server_seen.clear();
  RawCall unknown = RawCall::start(*rig.caller, 7, ready);
  rig.world.settle();
  EXPECT_EQ(octets(keeping.arguments.view()), ready);
  EXPECT_TRUE(rig.server_seen.has_read_into(keeping.arguments.data()));
  EXPECT_EQ(octets(unknown.await_resume()->payload.view()), ready);
  keeping.arguments = {};
}

// --- what is put around a value

// The message in which a call of Probe::echo leaves a session over a memory link.
Octets echo_message(const std::string& text) {
  Scripted scripted({.role = Session::Role::initiator});
  const auto call = scripted.client().call<&Probe::echo>(text);
  const std::vector<Octets> heard = scripted.peer->heard_bytes();
  EXPECT_EQ(heard.size(), 1u);
  EXPECT_FALSE(call.is_done());
  return heard.empty() ? Octets() : heard[0];
}

TEST(Framing, a_message_is_its_head_and_the_postcard_of_the_value) {
  // rule: calls/conduit, calls/zerocopy.framing.value, calls/zerocopy.framing.conduit
  const std::string text(200, 't');
  const Octets value = octets({{0xc8, 0x01}, Octets(200, 't')});
  EXPECT_EQ(echo_message(text), say::call(1, method_id<&Probe::echo>, value));
  Scripted scripted({.role = Session::Role::initiator});
  auto call = scripted.client().call<&Probe::echo>(text);
  scripted.peer->says(say::response(1, octets({{0}, value})));
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), text);
}

TEST(Framing, each_layer_puts_its_own_around_what_the_one_above_gives_and_changes_none_of_it) {
  // rule: calls/zerocopy.framing, calls/zerocopy.framing.link, calls/zerocopy.framing.pipeline
  const std::string message(as_text(echo_message("value")));
  World world;
  auto [near, far] = io::MemoryStream::make_pair(world.loop);
  LinkLog log;
  FramedLink over_stream(world.loop, std::move(near), Limits());
  over_stream.start(log);
  Bare peer(std::move(far));
  send(over_stream, message);
  io::suite::turn_a_little(world.loop);
  EXPECT_EQ(peer.heard(), framed(message)) << "a bare link adds a length to what the session gave";

  DialedRig stable;
  stable.heard();
  stable.says(server_hello("0123456789abcdef"));
  stable.sends(message);
  EXPECT_EQ(stable.heard(), frame(0, std::nullopt, message));
  stable.says(frame(0, 0, message));
  EXPECT_THAT(stable.log.messages, ElementsAre(message));
  stable.sends(message);
  EXPECT_EQ(stable.heard(), frame(1, 0, message)) << "a stable one, a number and what was received";
}

}  // namespace parley::runtime::copies_test
