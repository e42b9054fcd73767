#include <parley/hub.h>
#include <parley/parley.h>
#include <parley/topic.h>
#include <cstdio>
#include <set>

using namespace parley::builtin;

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

// Whoever owns what is told: changes first, then says so.
class Desk {
 public:
  explicit Desk(parley::Topics& topics) : topics_(topics) {
    topics_.keep("desk.windows", {.items = 3}).value();
    topics_.set_snapshots("desk.windows", [this] { return bytes_of(all()); }).value();
  }
  void open(const std::string& window) {
    windows_.insert(window);
    topics_.publish("desk.windows", {.payload = bytes_of("+" + window)}).value();
  }

 private:
  std::string all() const {
    std::string text;
    for (const auto& each : windows_) text += (text.empty() ? "" : " ") + each;
    return text;
  }
  parley::Topics& topics_;
  std::set<std::string> windows_;
};

struct Print {
  const char* who;
  void operator()(const FollowBegun& begun) const {
    std::printf("%s begins behind %lu\n", who, begun.position.version);
  }
  void operator()(const FollowedMessage& said) const {
    std::printf("  %s %lu: %s\n", who, said.position.version, text_of(said.message.payload).c_str());
  }
  void operator()(const FollowedSnapshot& how) const {
    std::printf("  %s, all at %lu: %s\n", who, how.position.version, text_of(how.payload).c_str());
  }
  void operator()(const FollowedGap& gap) const {
    std::printf("  %s misses %lu, and nothing from %lu on\n", who, gap.missed, gap.complete_from);
  }
};

// Until the message of that version; where to go on from.
parley::Task<parley::Result<TopicPosition>> follow(parley::Client<Topics> topics, Print print, Gap gap,
                                                   TopicPosition after, std::uint64_t last) {
  auto [theirs, items] = parley::channel<Followed, deliveries_ahead>();
  auto call = topics.call<&Topics::follow>("desk.windows", gap, after, std::move(theirs));
  while (auto item = co_await items.recv()) {
    std::visit(print, *item);
    std::visit([&](const auto& each) { after = each.position; }, *item);
    if (after.version >= last) co_return after;  // dropping the call ends it
  }
  co_return parley::fail((co_await std::move(call)).error());
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, Desk& desk) {
  auto session = co_await co_await parley::connect(loop, "mem:hub");
  auto topics = session->client<Topics>(topics_name);
  for (const char* window : {"mail", "notes", "clock", "chat"}) desk.open(window);
  auto position = co_await co_await follow(topics, {"live"}, Gap::live, {}, 4);
  co_await co_await follow(topics, {"replay"}, Gap::replay, {}, 4);

  desk.open("music");
  position = co_await co_await follow(topics, {"live"}, Gap::live, position, 5);
  for (const char* window : {"map", "news", "shell", "paint"}) desk.open(window);
  co_await co_await follow(topics, {"live"}, Gap::live, position, 9);
  co_return {};
}

int main() {
  parley::Loop loop;
  parley::Hub hub(loop);
  Desk desk(hub.topics());
  hub.listen("mem:hub").value();
  auto used = loop.run_until(use(loop, desk));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
