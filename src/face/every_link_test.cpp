#include "runtime/every_link_suite.h"

#include <array>
#include <optional>

#include "io/fault_stream.h"
#include "io/statistics_stream.h"
#include "net/tls.h"
#include "net/tls_files_suite.h"
#include "net/websocket_stream.h"
#include "runtime/dialed_stable_link.h"
#include "runtime/link_dialog_suite.h"
#include "runtime/stable_sessions.h"

// What every link does, over TLS, WebSockets and both; also where bytes are counted, and where it was dialed again.
namespace parley::runtime::suite {
namespace {

using io::suite::StreamPair;
using Over = StreamPair (*)(io::Loop&, StreamPair);

StreamPair over_tls(io::Loop& loop, StreamPair streams) {
  static net::suite::TlsFiles files;  // keys take their time
  static const io::TlsOptions server = files.issue("server");
  net::Tls dialing(files.dialer());
  net::Tls accepting(server);
  auto near = dialing.dial(loop, streams.first, "localhost").value();
  auto far = accepting.accept(loop, streams.second).value();
  return {std::move(near), std::move(far)};
}

StreamPair over_websocket(io::Loop& loop, StreamPair streams) {
  const io::WebSocketOptions options{.keepalive = Duration::zero()};
  return {std::make_unique<net::WebSocketStream>(loop, std::move(streams.first),
                                                 net::UpgradeTarget{"localhost", "/roam"}, options),
          std::make_unique<net::WebSocketStream>(loop, std::move(streams.second), options)};
}

StreamPair over_both(io::Loop& loop, StreamPair streams) {
  return over_websocket(loop, over_tls(loop, std::move(streams)));
}

template <Over over>
struct Framed {
  Links connect(World& world, io::LinkEvents& events_a, io::LinkEvents& events_b) {
    StreamPair streams = decorate_above(over(world.loop, decorate_below(narrow_streams(world))));
    Links links{std::make_unique<FramedLink>(world.loop, std::move(streams.first), Limits()),
                std::make_unique<FramedLink>(world.loop, std::move(streams.second), Limits())};
    links.first->start(events_a);
    links.second->start(events_b);
    world.settle();
    return links;
  }
  virtual StreamPair decorate_below(StreamPair streams) { return streams; }
  virtual StreamPair decorate_above(StreamPair streams) { return streams; }
  virtual ~Framed() = default;
};

// Below and above it is counted.
template <Over over>
struct Counted final : Framed<over> {
  ~Counted() override {
    for (const io::StreamStatistics& each : above) {
      EXPECT_GT(each.bytes_read + each.bytes_written, 0u);
      EXPECT_EQ(each.descriptors_passed, 0u);
    }
    EXPECT_LE(below[1].bytes_read, below[0].bytes_written) << "nobody reads what nobody wrote";
    EXPECT_GT(below[0].bytes_written, above[0].bytes_written) << "what is put around it is counted below";
  }
  StreamPair decorate_below(StreamPair streams) override { return counted(std::move(streams), below); }
  StreamPair decorate_above(StreamPair streams) override { return counted(std::move(streams), above); }
  static StreamPair counted(StreamPair streams, std::array<io::StreamStatistics, 2>& statistics) {
    return {std::make_unique<io::StatisticsStream>(std::move(streams.first), statistics[0]),
            std::make_unique<io::StatisticsStream>(std::move(streams.second), statistics[1])};
  }
  std::array<io::StreamStatistics, 2> below;
  std::array<io::StreamStatistics, 2> above;
};

// The link has broken in a message and was dialed again before the test begins.
template <Over over>
class Redialed {
 public:
  Links connect(World& world, io::LinkEvents& events_a, io::LinkEvents& events_b) {
    Limits limits;  // so much that nobody pings for acknowledgements
    limits.stable_items_max = 1'000'000;
    limits.stable_bytes_max = std::size_t{1} << 30;
    sessions_.emplace(world.loop, limits);
    Links links;
    auto dialer = std::make_unique<Dialer>(world, *sessions_, limits, plan_, [&](std::unique_ptr<io::Link> link) {
      links.second = std::move(link);
      links.second->start(events_b);
    });
    Dialer& dials = *dialer;
    auto first = dials.open();
    links.first = std::make_unique<DialedStableLink>(world.loop, std::move(dialer), std::move(first), limits);
    links.first->start(events_a);
    world.settle();
    plan_.fail_at = plan_.calls;
    send(*links.first, "across the cut");
    world.settle();
    EXPECT_TRUE(plan_.has_failed());
    world.pass(std::chrono::seconds(1));
    EXPECT_EQ(dials.opened, 2);
    auto& log = static_cast<LinkLog&>(events_b);
    EXPECT_THAT(log.messages, testing::ElementsAre("across the cut"));
    log.messages.clear();
    return links;
  }

 private:
  class Dialer final : public io::Dialer {
   public:
    Dialer(World& world, StableSessions& sessions, const Limits& limits, io::FaultPlan& plan,
           StableSessions::Start start)
        : world_(world), sessions_(sessions), limits_(limits), plan_(plan), start_(std::move(start)) {}
    std::unique_ptr<io::Stream> open() {
      ++opened;
      StreamPair below = narrow_streams(world_);
      below.first = std::make_unique<io::FaultStream>(world_.loop.executor(), std::move(below.first), plan_);
      StreamPair streams = over(world_.loop, std::move(below));
      sessions_.admit(std::make_unique<FramedLink>(world_.loop, std::move(streams.second), limits_),
                      world_.loop.now() + limits_.handshake_max, true, [this](std::unique_ptr<io::Link> link) {
                        if (start_) std::exchange(start_, nullptr)(std::move(link));
                      });
      return std::move(streams.first);
    }
    Task<Result<std::unique_ptr<io::Stream>>> dial() override { co_return open(); }
    const std::string& address() const override { return name_; }
    int opened = 0;

   private:
    World& world_;
    StableSessions& sessions_;
    const Limits limits_;
    io::FaultPlan& plan_;
    StableSessions::Start start_;
    const std::string name_ = "test:";
  };
  io::FaultPlan plan_;
  std::optional<StableSessions> sessions_;
};

using Connectors = testing::Types<Framed<over_tls>, Framed<over_websocket>, Framed<over_both>, Counted<over_tls>,
                                  Counted<over_websocket>, Counted<over_both>, Redialed<over_tls>,
                                  Redialed<over_websocket>, Redialed<over_both>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Secure, EveryLink, Connectors);

StreamPair with_faults(io::Loop& loop, StreamPair streams, io::FaultPlan& plan) {
  return {std::make_unique<io::FaultStream>(loop.executor(), std::move(streams.first), plan),
          std::make_unique<io::FaultStream>(loop.executor(), std::move(streams.second), plan)};
}

// Whichever call of a stream fails, below or above, it costs the link and nothing else.
void fail_everywhere(Over over, bool is_below) {
  bool has_failed = true;
  std::uint64_t fail_at = 0;
  for (; has_failed; ++fail_at) {
    ASSERT_LT(fail_at, 2000u);
    io::suite::IdleWorld world;
    io::Loop& loop = world.loop();
    io::FaultPlan plan{.fail_at = fail_at};
    {
      StreamPair streams = io::MemoryStream::make_pair(loop, "mem:", {.pipe_bytes_max = 1000});
      if (is_below) streams = with_faults(loop, std::move(streams), plan);
      streams = over(loop, std::move(streams));
      if (!is_below) streams = with_faults(loop, std::move(streams), plan);
      Dialog dialog(loop, std::move(streams));
      dialog.talk();
      for (int i = 0; i < 30; ++i) io::suite::turn_a_little(loop);
      has_failed = plan.has_failed();
      dialog.check();
      if (has_failed) {
        ASSERT_EQ(dialog.log_a.ends + dialog.log_b.ends, 2) << "call " << fail_at;
        ASSERT_TRUE(dialog.log_a.failure || dialog.log_b.failure) << "call " << fail_at;
      } else {
        ASSERT_EQ(dialog.log_a.messages.size(), static_cast<std::size_t>(Dialog::count));
      }
    }
    ASSERT_EQ(loop.blocks().held_count(), 0u) << "call " << fail_at;
    ASSERT_EQ(loop.executor().timer_count(), 0u) << "call " << fail_at;
  }
  EXPECT_GT(fail_at, is_below ? 10u : 3u);
}

TEST(SecureLinks, a_stream_that_fails_at_its_nth_call_costs_the_link_and_nothing_else) {
  for (const bool is_below : {true, false}) {
    fail_everywhere(over_tls, is_below);
    fail_everywhere(over_both, is_below);
  }
}

}  // namespace
}  // namespace parley::runtime::suite
