// What three peers of a registry say, foreign, Parley and its router, and what its own program does meanwhile. Each
// line begins with a letter that says who: f, p and r for what those say, the others below. A `$` in a line stands for
// the id that this peer was asked with last. Whatever the registry says can be read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "codec/json_object.h"
#include "core/directory/registry.h"
#include "wire/command/line_reader.h"
#include "wire/command/message.h"
#include "wire/command/progress.h"

namespace {

using namespace parley;
namespace command = wire::command;
using core::Registry;

class World {
 public:
  World() : directory_({}), registry_(directory_, limits(), 1) {
    for (const char letter : {'f', 'p', 'r'}) join(letter);
    offer("math.add");
    offer("_secret");
  }
  ~World() {
    do_it([&](auto& effects) { registry_.close(effects); });
    PARLEY_ASSERT(registry_.carrier_count() == 0 && registry_.requests_in_flight() == 0);
    PARLEY_ASSERT(registry_.table().size() == 0 && registry_.next_deadline().is_never());
    PARLEY_ASSERT(calls_.empty(), calls_.size());
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void hear(std::string_view line) {
    const char who = line.front();
    line.remove_prefix(1);
    if (who == 'f' || who == 'p' || who == 'r') return say(who, std::string(line));
    const std::string text(line);
    switch (who) {
      case 'o': return offer(text);
      case 'w': return do_it([&](auto& effects) { registry_.unregister_command(text, effects); });
      case 'x': return execute(text);
      case 'a': return answer(text);
      case 'u': return progress(text);
      case 'c': return cancel();
      case 't': return pass();
      case 'l':
      case 'g': return listen(text, who == 'l');
      case 'v':
        return do_it([&](auto& effects) { static_cast<void>(registry_.emit(text, "1", {}, nullptr, now_, effects)); });
      case 'd':
        if (text == "f" || text == "p" || text == "r") drop(text.front());
        return;
      case 'z': return do_it([&](auto& effects) { registry_.close(effects); });
      default: return;
    }
  }

 private:
  struct Peer {
    Registry::Carrier carrier = 0;
    bool is_extended = false;
    std::string asked = "$";
  };
  // Small, so that a short text reaches them.
  static core::RegistryLimits limits() {
    core::RegistryLimits limits;
    limits.requests_max = 6;
    limits.requests_per_carrier_max = 3;
    limits.registrations_per_carrier_max = 2;
    limits.announcements_max = 3;
    limits.seen_events_max = 4;
    return limits;
  }

  template <class Function>
  void do_it(Function function) {
    Registry::Effects effects;
    function(effects);
    for (const auto& effect : effects) std::visit([this](const auto& each) { this->keep(each); }, effect);
  }
  void keep(const Registry::Send& send) {
    const auto peer = std::ranges::find(peers_, send.to, [](const auto& each) { return each.second.carrier; });
    PARLEY_ASSERT(peer != peers_.end());
    const bool is_extended = peer->second.is_extended;
    const std::string text = command::encode(*send.message, is_extended);
    PARLEY_ASSERT(!text.contains('\n'));
    const auto again = command::parse(text, is_extended);
    PARLEY_ASSERT(std::holds_alternative<command::Message>(again), text);
    PARLEY_ASSERT(command::encode(std::get<command::Message>(again), is_extended) == text, text);
    const auto& body = send.message->body;
    if (std::holds_alternative<command::ExecuteRequest>(body) || std::holds_alternative<command::RegisterRequest>(body))
      peer->second.asked = send.message->id;
  }
  void keep(const Registry::Start& start) { started_.push_back(start.call); }
  void keep(const Registry::Stop& stop) { std::erase(started_, stop.call); }
  void keep(const Registry::Settle& settle) { calls_.erase(settle.call); }
  void keep(const Registry::Progressed& progressed) {
    PARLEY_ASSERT(calls_.contains(progressed.call));
    const auto told = command::read_progress(progressed.content);
    if (!told) return;
    const std::string text = std::visit([](const auto& each) { return command::encode(each); }, *told);
    const auto again = command::read_progress(text);
    PARLEY_ASSERT(again && again->index() == told->index(), text);
    PARLEY_ASSERT(std::visit([](const auto& each) { return command::encode(each); }, *again) == text, text);
  }
  void keep(const Registry::Registered&) {}
  void keep(const Registry::Deliver&) {}
  void keep(const Registry::Changed&) {}
  void keep(const Registry::Unannounced&) {}
  void keep(const Registry::Refused&) {}

  void join(char letter) {
    Registry::Terms terms{.id = std::string(1, letter)};
    terms.is_router = letter == 'r';
    terms.is_extended = letter != 'f';
    terms.wants_commands = letter == 'r';
    const auto carrier = registry_.add(terms);
    if (!carrier) return;
    peers_[letter] = {*carrier, terms.is_extended};
    do_it([&](auto& effects) { registry_.start(*carrier, now_, effects); });
  }
  void drop(char letter) {
    const auto peer = peers_.extract(letter);
    if (!peer.empty()) do_it([&](auto& effects) { registry_.drop(peer.mapped().carrier, effects); });
    join(letter);
  }
  void say(char letter, std::string text) {
    const auto peer = peers_.find(letter);
    if (peer == peers_.end()) return;
    if (const auto at = text.find('$'); at != std::string::npos) text.replace(at, 1, peer->second.asked);
    auto parsed = command::parse(text, peer->second.is_extended);
    do_it([&](auto& effects) {
      if (auto* message = std::get_if<command::Message>(&parsed)) {
        registry_.on_message(peer->second.carrier, std::move(*message), now_, effects);
      } else {
        registry_.on_malformed(peer->second.carrier, std::get<command::Malformed>(parsed), effects);
      }
    });
  }

  void offer(const std::string& name) {
    command::Definition definition;
    definition.id = name;
    do_it([&](auto& effects) { registry_.register_command(std::move(definition), now_, effects); });
  }
  void execute(const std::string& name) {
    Registry::Effects effects;
    const auto call = registry_.execute({.command = name, .deadline = now_ + std::chrono::seconds(5)}, now_, effects);
    calls_.insert(call);
    do_it([&](auto& into) { into = std::move(effects); });
  }
  // JSON is a result, any other text an error.
  void answer(const std::string& text) {
    if (started_.empty()) return;
    const Registry::Call call = started_.front();
    started_.pop_front();
    Result<std::string> result = fail(Code::permission, "no");
    if (codec::check_json(text, 100)) {
      result = std::string();
      codec::append_compact(*result, text);
    }
    do_it([&](auto& effects) { PARLEY_ASSERT(registry_.finished(call, std::move(result), {}, effects)); });
  }
  void progress(const std::string& text) {
    if (started_.empty() || !codec::check_json(text, 100)) return;
    std::string content;
    codec::append_compact(content, text);
    do_it([&](auto& effects) { PARLEY_ASSERT(registry_.progressed(started_.front(), content, effects)); });
  }
  void cancel() {
    if (calls_.empty()) return;
    const Registry::Call call = *calls_.begin();
    calls_.erase(calls_.begin());
    do_it([&](auto& effects) { registry_.cancel(call, effects); });
  }
  void pass() {
    now_ = now_ + std::chrono::seconds(4);
    do_it([&](auto& effects) { registry_.on_time(now_, effects); });
    PARLEY_ASSERT(registry_.next_deadline() > now_);
  }
  void listen(const std::string& text, bool is_on) {
    const auto pattern = core::Pattern::parse(text);
    if (!pattern) return;
    do_it([&](auto& effects) { is_on ? registry_.listen(*pattern, effects) : registry_.forget(*pattern, effects); });
  }

  core::Directory directory_;
  Registry registry_;
  Instant now_ = Instant::from_ns(1);
  std::map<char, Peer> peers_;
  std::deque<Registry::Call> started_;  // handlers that run
  std::set<Registry::Call> calls_;      // that have not ended
};

std::vector<std::string> lines_of(ByteView bytes, std::size_t chunk_max) {
  std::vector<std::string> lines;
  command::LineReader reader(2048);
  while (!bytes.empty()) {
    ByteView chunk = bytes.first(std::min(bytes.size(), chunk_max));
    bytes = bytes.subspan(chunk.size());
    while (const auto line = reader.next(chunk)) lines.emplace_back(*line);
  }
  if (const auto line = reader.rest()) lines.emplace_back(*line);
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  const auto lines = lines_of(bytes, bytes.size() + 1);
  PARLEY_ASSERT(lines == lines_of(bytes, 1));
  PARLEY_ASSERT(lines == lines_of(bytes, 7));
  World world;
  for (const std::string& line : lines) world.hear(line);
  return 0;
}
