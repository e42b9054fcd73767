// A conversation, under the harness of the floors: each call is a message and the reply to it.
//   variant=hub      who replies takes part in the hub's own process
//   variant=worker   the hub is the program `parley`, and who replies is a worker
// Over TCP everybody but the hub comes with a token, which `prepare` puts into a file.
#include <fstream>

#include "bench.hpp"
#include "parley/actor.h"
#include "parley/hub.h"
#include "parley/parley.h"

namespace {

using namespace parley;

constexpr std::string_view subject = "bench";

constexpr std::string_view token = "of these benchmarks only";
constexpr std::string_view rule = "token:bench see,offer,call,converse **";

std::string uri(const bench::Options& options) { return options.address("unix:", "tcp:"); }
std::string token_file(const bench::Options& options) { return options.path() + ".token"; }

void prepare(bench::Options& options) {
  std::ofstream(token_file(options)) << token;
  std::filesystem::permissions(token_file(options), std::filesystem::perms::owner_read);
}

HubOptions hub_options(const bench::Options& options) {
  HubOptions result{.policy = core::Policy::of_owner(core::Principal::of_user(::getuid()))};
  if (!options.tcp()) return result;
  result.tokens.add("bench", token).value();
  result.policy.add(core::Rule::parse(rule).value()).value();
  return result;
}
std::unique_ptr<Session> connected(Loop& loop, const bench::Options& options) {
  auto session = loop.run_until(connect(loop, uri(options), {.token = std::string(options.tcp() ? token : "")}));
  if (!session) bench::die(to_string(session.error()));
  return std::move(*session);
}

std::vector<std::uint8_t> bytes_of(std::int32_t number) {
  std::vector<std::uint8_t> bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}
std::int32_t number_in(const Envelope& message) {
  std::int32_t number = 0;
  bench::check(message.payload.size() == sizeof number, "payload");
  std::memcpy(&number, message.payload.data(), sizeof number);
  return number;
}

Task<Result<std::optional<Envelope>>> add_two(const Party::Message& message) {
  co_return Envelope{.payload = bytes_of(number_in(*message.content) + 2)};
}

// tidy: allow function what the harness of the floors takes
void serve(const bench::Options& options, std::function<void()> ready) {
  Loop loop;
  if (options.variant() == "hub") {
    Hub hub(loop, hub_options(options));
    Actors actors(loop);
    BehaviourParty party(hub.conversations(), actors, add_two);
    party.start("adder").value();
    hub.conversations().provide(std::string(subject), party.who()).value();
    hub.listen(uri(options)).value();
    ready();
    loop.run();
    return;
  }
  const auto session = connected(loop, options);
  const auto part = loop.run_until(take_part(*session, std::string(subject), add_two));
  if (!part) bench::die(to_string(part.error()));
  ready();
  loop.run();
}

Task<void> talk(Conversation& conversation, bench::Meter& meter, bool& is_over) {
  std::int32_t x = 0;
  for (std::uint64_t begin = bench::now_ns();; begin = meter.last()) {
    ++x;
    const auto reply = co_await conversation.exchange({.payload = bytes_of(x)});
    if (!reply) bench::die(to_string(reply.error()));
    bench::check(reply->message && number_in(*reply->message) == x + 2, "sum");
    if (!meter.complete(begin)) break;
  }
  is_over = true;
}

void unary(const bench::Options& options, bench::Meter& meter) {
  Loop loop;
  const auto session = connected(loop, options);
  auto conversation = loop.run_until(open_conversation(*session, {.subject = std::string(subject)}));
  if (!conversation) bench::die(to_string(conversation.error()));
  bool is_over = false;
  meter.start();
  Scope scope(loop.executor());
  for (int i = 0; i < options.inflight(); ++i) scope.spawn(talk(*conversation, meter, is_over));
  while (!is_over) loop.poll_once(Instant::never());
}

std::vector<std::string> hub_program(const bench::Options& options) {
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::vector<std::string> words = {(folder / "../parley").lexically_normal(), "hub", "--quiet", "--listen",
                                    uri(options)};
  if (options.tcp()) {
    const std::string named = "bench=" + token_file(options);
    words.insert(words.end(), {"--token-file", named, "--allow", std::string(rule)});
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Peer peer = {"parley-talk", serve, unary, {}, {}, prepare, {}};
  const bool has_worker = std::find(argv, argv + argc, std::string_view("variant=worker")) != argv + argc;
  if (has_worker) peer.broker = hub_program;
  return bench::run(argc, argv, peer);
}
