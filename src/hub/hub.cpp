#include "hub/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "codec/postcard.h"
#include "codec/utf8.h"
#include "core/directory/name.h"
#include "hub/arrival.h"
#include "hub/gate.h"
#include "hub/refusals.h"
#include "hub/services.h"
#include "hub/visitor.h"
#include "runtime/framed_link.h"
#include "runtime/services.h"
#include "runtime/stable_sessions.h"
#include "wire/opening_refusal.h"

namespace parley {

using core::Verb;
using hub::Arrival;
using hub::Gate;
using hub::Relay;
using hub::Visitor;
using runtime::ConnectionOpening;
using wire::Opening;

// So many clients, each with all it may have, find room at one provider.
static constexpr std::size_t clients_of_a_provider = 16;
// The names of one provider that are measured by themselves; each takes 4 KiB.
static constexpr std::size_t names_measured_max = 32;

class Hub::Impl final : private hub::ArrivalEvents,
                        private hub::VisitorEvents,
                        private hub::RelayEvents,
                        private hub::HubState {
 public:
  Impl(io::Loop& loop, HubOptions options)
      : loop_(loop),
        options_(std::move(options)),
        gate_(std::exchange(options_.policy, {}), std::exchange(options_.tokens, {})),
        directory_(options_.directory),
        refusals_(options_.refusals_max),
        stable_(loop, options_.limits),
        directory_service_(*this),
        hub_service_(*this) {
    services_.serve<builtin::Directory>(std::string(builtin::directory_name), directory_service_).value();
    services_.serve<builtin::Hub>(std::string(builtin::hub_name), hub_service_).value();
  }
  ~Impl() { close(); }

  Task<Result<void>> stopped() {
    co_await stopped_.wait();
    if (failure_) co_return fail(*failure_);
    co_return Result<void>();
  }

  Result<std::string> listen(std::string_view uri, Speaks speaks) {
    constexpr std::string_view reachable[] = {"tcp:", "tls:", "ws:", "wss:"};
    const bool is_reachable = std::ranges::any_of(reachable, [&](auto scheme) { return uri.starts_with(scheme); });
    if (is_reachable && !gate_.has_tokens()) {
      return fail(Code::refused,
                  "whoever reaches a TCP port could come in, and there are no tokens to tell them by: "
                  "HubOptions::tokens, or parley hub --token-file NAME=PATH");
    }
    auto door = std::make_unique<Door>(*this, speaks, uri.starts_with("mem:"));
    PARLEY_TRY(door->listener, loop_.listen(uri));
    std::string address = door->listener->address();
    door->listener->start(*door);
    doors_.push_back(std::move(door));
    return address;
  }

  void close() {
    doors_.clear();
    stopped_.set();
    newcomers_.clear();
    arrivals_.clear();
    stable_.drop_newcomers();
    const Error why{Code::closed, "the hub was closed"};
    while (!visitors_.empty()) visitors_.begin()->second->session().close(why);
    PARLEY_ASSERT(relays_.empty(), relays_.size());
  }

  const core::Directory& directory() const { return directory_; }
  const DoorCounters& door() const override { return door_; }
  std::size_t session_count() const { return visitors_.size(); }
  std::size_t relay_count() const { return relays_.size(); }
  std::size_t bytes_queued() const {
    std::size_t bytes = 0;
    for (const auto& [id, visitor] : visitors_) bytes += visitor->session().link().out().size();
    return bytes;
  }

 private:
  struct Door final : io::ListenerEvents {
    Door(Impl& hub, Speaks speaks, bool is_inside) : hub(hub), speaks(speaks), is_inside(is_inside) {}
    void on_stream(std::unique_ptr<io::Stream> stream) override { hub.on_stream(std::move(stream), *this); }
    void on_listener_failed(Error error) override { hub.on_listener_failed(*this, std::move(error)); }
    Impl& hub;
    const Speaks speaks;
    const bool is_inside;  // who comes is in this process
    std::unique_ptr<io::Listener> listener;
  };
  // Keeps what may not be destroyed while it tells, until it does no more.
  template <class T>
  struct Grave final : Mortal {
    explicit Grave(std::unique_ptr<T> content) : content(std::move(content)) {}
    std::unique_ptr<T> content;
  };

  // Somebody at the door.
  struct Arrived {
    std::uint64_t id = 0;
    std::unique_ptr<io::Stream> stream = nullptr;
    std::optional<core::Principal> seen;
    Instant until;                           // by when it has said what it speaks
    Opening inside_of = Opening::undecided;  // whose stream this is: TLS or HTTP
  };
  void bury(std::unique_ptr<io::Stream> stream) {
    loop_.executor().bury(std::make_unique<Grave<io::Stream>>(std::move(stream)));
  }

  // --- the door

  // The others go on.
  void on_listener_failed(Door& door, Error error) {
    const std::string where = door.listener->address();
    door.listener.reset();
    failure_ = Error{error.code, fmt::format("{}: {}", where, error.note)};
    stopped_.set();
  }

  void on_stream(std::unique_ptr<io::Stream> stream, const Door& door) {
    ++door_.streams;
    if (visitors_.size() + arrivals_.size() - newcomers_.size() >= options_.limits.sessions_max) {
      ++door_.too_many;
      return;
    }
    auto seen = Gate::seen(stream->peer(), door.is_inside);
    if (!gate_.has_tokens() && !gate_.knows(seen)) {
      ++door_.strangers;
      write_down(seen, stream->peer(), {}, {}, gate_.stranger(seen));
      return;
    }
    while (newcomers_.size() + stable_.newcomer_count() >= options_.limits.newcomers_max) push_out_the_oldest();
    const std::uint64_t id = ++last_id_;
    if (door.speaks == Speaks::roam) return ask(id, std::move(stream), std::move(seen));
    const Instant until = loop_.now() + options_.limits.handshake_max;
    listen_to(std::move(stream), {.id = id, .seen = std::move(seen), .until = until});
  }

  // Whoever only comes, in whatever number, keeps nobody out who says at once who he is.
  void push_out_the_oldest() {
    ++door_.pushed_out;
    if (stable_.newcomer_count() > newcomers_.size()) return stable_.drop_oldest_newcomer();
    const auto [id, arrival] = *newcomers_.begin();
    if (arrival) return bury(take(*arrival).stream);
    visitors_.at(id)->session().break_off({Code::overloaded, "others came, and you had not said who you are"});
  }
  // It is at the door no more, and no newcomer until it is again.
  Arrived take(const Arrival& arrival) {
    Arrived arrived = std::move(arrivals_.extract(&arrival).mapped());
    newcomers_.erase(arrived.id);
    return arrived;
  }

  void listen_to(std::unique_ptr<io::Stream> stream, Arrived arrived) {
    auto arrival = std::make_unique<Arrival>(loop_, std::move(stream), as<hub::ArrivalEvents>());
    Arrival& waiting = *arrival;
    const Instant until = arrived.until;
    newcomers_[arrived.id] = &waiting;
    arrived.stream = std::move(arrival);
    arrivals_.emplace(&waiting, std::move(arrived));
    waiting.wait(until);
  }

  void on_opening(Arrival& arrival, Opening opening) override {
    Arrived arrived = take(arrival);
    if (opening == Opening::roam) {
      auto link = std::make_unique<runtime::FramedLink>(loop_, std::move(arrived.stream), options_.limits);
      return admit(arrived.id, std::move(link), std::move(arrived.seen));
    }
    if (opening == Opening::roam_stable) return ask(arrived.id, std::move(arrived.stream), std::move(arrived.seen));
    if (look_inside(arrived, opening)) return;
    // What is inside of something tells of that, as when no WebSocket was opened.
    const bool is_of_outside = opening == Opening::unknown && arrived.inside_of != Opening::undecided;
    ++door_.refused[std::string(to_string(is_of_outside ? arrived.inside_of : opening))];
    if (const ByteView said = wire::refusal_of(opening); !said.empty() && arrived.inside_of != Opening::http) {
      static_cast<void>(arrived.stream->write_some(said, {}));
      arrived.stream->finish();
    }
    bury(std::move(arrived.stream));
  }
  void on_silence(Arrival& arrival) override {
    ++door_.silent;
    bury(take(arrival).stream);
  }

  // The rule applies again to the stream inside of TLS, and to the one inside of a WebSocket: once each, in this order.
  bool look_inside(Arrived& arrived, Opening opening) {
    const bool is_tls = opening == Opening::tls && arrived.inside_of == Opening::undecided;
    const bool is_http = opening == Opening::http && arrived.inside_of != Opening::http;
    if (!is_tls && !is_http) return false;
    auto inside = is_tls ? loop_.accept_tls(arrived.stream) : loop_.accept_websocket(arrived.stream);
    if (!inside) return false;
    arrived.inside_of = opening;
    listen_to(*std::move(inside), std::move(arrived));
    return true;
  }

  // Bare or stable, new or one that goes on: its first message tells.
  void ask(std::uint64_t id, std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen) {
    stable_.admit(std::make_unique<runtime::FramedLink>(loop_, std::move(stream), options_.limits),
                  [this, id, seen = std::move(seen)](std::unique_ptr<io::Link> link) mutable {
                    admit(id, std::move(link), std::move(seen));
                  });
  }

  void admit(std::uint64_t id, std::unique_ptr<io::Link> link, std::optional<core::Principal> seen) {
    ++door_.accepted;
    newcomers_[id] = nullptr;
    auto made = std::make_unique<Visitor>(as<hub::VisitorEvents>(), id, std::move(seen));
    Visitor& visitor = *visitors_.emplace(id, std::move(made)).first->second;
    visitor.start(loop_, std::move(link), options_.limits, services_.table());
    by_session_.emplace(&visitor.session(), &visitor);
  }

  // --- visitors

  void on_established(Visitor& visitor) override {
    const Metadata& hello = visitor.session().machine().peer_metadata();
    const Gate::Entry entered = gate_.enter(visitor.seen(), hello);
    if (!entered.principal) {
      ++(entered.fault == Gate::Fault::token_missing ? door_.tokens_missing : door_.tokens_wrong);
      write_down(visitor.seen(), visitor.session().peer(), {}, {}, entered.refusal);
      visitor.session().break_off(entered.refusal);
      return;
    }
    visitor.enter(core::Rights(gate_.policy(), *entered.principal));
    newcomers_.erase(visitor.id());
    take_offers(visitor, hello);
  }

  void take_offers(const Visitor& visitor, const Metadata& hello) {
    const MetadataEntry* entry = hello.find(runtime::names::offers);
    if (!entry) return;
    const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&entry->value);
    auto offers = bytes ? codec::from_postcard<std::vector<core::Offer>>(*bytes)
                        : Result<std::vector<core::Offer>>(fail(Code::message, "they are no bytes"));
    if (!offers) {
      visitor.session().break_off({Code::message, fmt::format("the offers: {}", to_string(offers.error()))});
      return;
    }
    for (core::Offer& offer : *offers) {
      if (auto offered = this->offer(visitor, std::move(offer)); !offered) {
        visitor.session().break_off(offered.error());
        return;
      }
    }
  }

  Result<void> offer(const Visitor& visitor, core::Offer offer) override {
    const std::string name = offer.name;
    auto offered = directory_.offer(visitor.id(), std::move(offer), visitor.rights());
    if (!offered && offered.error().code == Code::permission) write_down(visitor, Verb::offer, name, offered.error());
    return offered;
  }

  Result<void> on_open(Visitor& visitor, const ConnectionOpening& opening) override {
    const Metadata metadata = opening.metadata.to_metadata();
    const std::string* name = metadata.find_text(runtime::names::service);
    if (!name) return fail(Code::rejected, "the connection names no service (parley-service)");
    if (core::is_built_in(*name)) return visitor.session().serve(opening);
    PARLEY_TRY(core::Directory::Choice chosen, choose(visitor, *name));
    join(visitor, *visitors_.at(chosen.provider), std::move(chosen.name)).start(opening);
    return {};
  }

  Result<core::Directory::Choice> choose(const Visitor& client, std::string_view name) override {
    PARLEY_TRY(core::check_name(name));
    auto chosen = directory_.choose(name, client.rights());
    // Also of a name that he is told is not there.
    if (!chosen && directory_.has(name)) write_down(client, Verb::call, name);
    if (chosen) PARLEY_TRY(check_room(client, *visitors_.at(chosen->provider)));
    return chosen;
  }

  Relay* bind_root(Visitor& visitor, std::uint64_t method) override {
    auto chosen = directory_.choose_by_method(method, visitor.rights());
    if (!chosen) {
      if (const std::string* name = directory_.name_of(method)) write_down(visitor, Verb::call, *name);
    }
    if (!chosen || !check_room(visitor, *visitors_.at(chosen->provider))) return nullptr;
    Relay& relay = join(visitor, *visitors_.at(chosen->provider), std::move(chosen->name));
    relay.start_on_root();
    return &relay;
  }

  // What is said about opens is not bounded by what is said on connections, and one client does not take all that a
  // provider accepts.
  Result<void> check_room(const Visitor& client, const Visitor& provider) const {
    const std::size_t relays_max = std::max<std::size_t>(options_.limits.connections_max / clients_of_a_provider, 1);
    if (client.relays >= relays_max)
      return fail(Code::overloaded, fmt::format("{} connections of one client", relays_max));
    const std::size_t queued_max = options_.limits.outbound_bytes_max * 16;
    for (const Visitor* each : {&client, &provider}) {
      if (each->session().link().out().size() > queued_max) return fail(Code::overloaded, "much is left unread");
    }
    return {};
  }

  Relay& join(Visitor& client, Visitor& provider, std::string name) {
    Histogram& latency = latency_of(provider, name);
    auto relay = std::make_unique<Relay>(
        as<hub::RelayEvents>(), Relay::Parties{client.session(), provider.session(), std::move(name), latency});
    Relay& joined = *relay;
    relays_.emplace(&joined, Joined{std::move(relay), &client, &provider});
    ++client.relays;
    return joined;
  }

  // A provider may offer many names, and ever new ones: beyond some of them they share a place, which has no name.
  Histogram& latency_of(Visitor& provider, const std::string& name) const {
    const std::size_t names_max = std::min(options_.directory.offers_per_provider_max, names_measured_max);
    const bool has_room = provider.answered.contains(name) || provider.answered.size() < names_max;
    return provider.answered[has_room ? name : std::string()];
  }

  void on_session_over(Visitor& visitor, const Error&) override {
    directory_.drop(visitor.id());
    newcomers_.erase(visitor.id());
    by_session_.erase(&visitor.session());
    auto gone = visitors_.extract(visitor.id());
    loop_.executor().bury(std::move(gone.mapped()));
  }

  // --- relays

  void on_load(Relay& relay, std::int64_t calls) override {
    const Joined& joined = relays_.at(&relay);
    Visitor& provider = *joined.provider;
    provider.calls_in_flight += static_cast<std::uint64_t>(calls);
    joined.client->calls_waiting += static_cast<std::uint64_t>(calls);
    if (calls > 0) joined.client->calls_asked += static_cast<std::uint64_t>(calls);
    directory_.add_load(provider.id(), calls);
  }
  void on_over(Relay& relay) override {
    auto over = std::move(relays_.extract(&relay).mapped());
    --over.client->relays;
    over.client->forget(relay);
    loop_.executor().bury(std::move(over.relay));
  }

  // --- what is refused

  Result<void> check(const Visitor& visitor, Verb verb, std::string_view name) override {
    auto may = visitor.rights().check(verb, name);
    if (!may) write_down(visitor, verb, name, may.error());
    return may;
  }
  void write_down(const Visitor& visitor, Verb verb, std::string_view name) {
    if (const auto may = visitor.rights().check(verb, name); !may) write_down(visitor, verb, name, may.error());
  }
  void write_down(const Visitor& visitor, Verb verb, std::string_view name, const Error& why) {
    write_down(visitor.rights().principal(), visitor.session().peer(), to_string(verb), name, why);
  }
  void write_down(const std::optional<core::Principal>& who, const io::Peer& peer, std::string_view verb,
                  std::string_view name, const Error& why) {
    const auto now = loop_.clock().wall().time_since_epoch();
    std::string from = peer.address;
    if (peer.credentials) from += fmt::format(" (process {})", peer.credentials->pid);
    refusals_.add({.unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                   .principal = who ? to_string(*who) : std::string(),
                   .peer = std::move(from),
                   .verb = std::string(verb),
                   .name = std::string(name),
                   .reason = why.note});
  }

  // --- for the built-in services

  core::Directory& names() override { return directory_; }
  const hub::Refusals& refused() const override { return refusals_; }
  Visitor* visitor_of(const runtime::Session& session) override {
    const auto found = by_session_.find(&session);
    return found == by_session_.end() ? nullptr : found->second;
  }
  Visitor* visitor(std::uint64_t id) override {
    const auto found = visitors_.find(id);
    return found == visitors_.end() ? nullptr : found->second.get();
  }
  std::vector<Visitor*> visitors() override {
    std::vector<Visitor*> all;
    for (const auto& [id, visitor] : visitors_) all.push_back(visitor.get());
    return all;
  }

  std::vector<hub::RelayState> relays() override {
    std::vector<hub::RelayState> all;
    for (const auto& [relay, joined] : relays_) all.push_back({relay, joined.client, joined.provider});
    return all;
  }
  Instant now() const override { return loop_.now(); }
  std::uint64_t introductions() const override { return directory_service_.introductions(); }
  Result<std::pair<io::Descriptor, io::Descriptor>> socket_pair() override {
    if (options_.socket_pair) return options_.socket_pair();
    return fail(Code::refused, "this hub introduces nobody: HubOptions::socket_pair, or parley hub --introduce");
  }
  std::size_t sessions_max() const override { return options_.limits.sessions_max; }

  template <class Events>
  Events& as() {
    return *this;
  }

  struct Joined {
    std::unique_ptr<Relay> relay;
    Visitor* client;
    Visitor* provider;
  };

  io::Loop& loop_;
  HubOptions options_;
  const Gate gate_;
  core::Directory directory_;
  hub::Refusals refusals_;
  runtime::StableSessions stable_;
  DoorCounters door_;
  hub::DirectoryService directory_service_;
  hub::HubService hub_service_;
  Services services_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Visitor>> visitors_;
  std::unordered_map<const runtime::Session*, Visitor*> by_session_;
  std::unordered_map<const Relay*, Joined> relays_;
  std::unordered_map<const Arrival*, Arrived> arrivals_;
  std::map<std::uint64_t, const Arrival*> newcomers_;  // as they came; null: shaking hands
  std::vector<std::unique_ptr<Door>> doors_;
  Event stopped_;
  std::optional<Error> failure_;
};

Hub::Hub(io::Loop& loop, HubOptions options) : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
Hub::~Hub() = default;

Result<std::string> Hub::listen(std::string_view uri, Speaks speaks) { return impl_->listen(uri, speaks); }
Task<Result<void>> Hub::stopped() { return impl_->stopped(); }
void Hub::close() { impl_->close(); }
const core::Directory& Hub::directory() const { return impl_->directory(); }
const DoorCounters& Hub::door() const { return std::as_const(*impl_).door(); }
std::size_t Hub::session_count() const { return impl_->session_count(); }
std::size_t Hub::relay_count() const { return impl_->relay_count(); }
std::size_t Hub::bytes_queued() const { return impl_->bytes_queued(); }

}  // namespace parley
