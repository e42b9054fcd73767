#include "hub/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "codec/postcard.h"
#include "codec/utf8.h"
#include "core/directory/name.h"
#include "hub/arrival.h"
#include "hub/services.h"
#include "hub/visitor.h"
#include "runtime/framed_link.h"
#include "runtime/services.h"
#include "wire/opening_refusal.h"

namespace parley {

using hub::Arrival;
using hub::Relay;
using hub::Visitor;
using runtime::ConnectionOpening;
using wire::Opening;

// So many clients, each with all it may have, find room at one provider.
static constexpr std::size_t clients_of_a_provider = 16;

class Hub::Impl final : private hub::ArrivalEvents,
                        private hub::VisitorEvents,
                        private hub::RelayEvents,
                        private hub::HubState {
 public:
  Impl(io::Loop& loop, HubOptions options)
      : loop_(loop),
        options_(std::move(options)),
        directory_(options_.directory),
        directory_service_(*this),
        hub_service_(*this) {
    services_.serve<builtin::Directory>("parley.Directory", directory_service_).value();
    services_.serve<builtin::Hub>("parley.Hub", hub_service_).value();
  }
  ~Impl() { close(); }

  Task<Result<void>> stopped() {
    co_await stopped_.wait();
    if (failure_) co_return fail(*failure_);
    co_return Result<void>();
  }

  Result<std::string> listen(std::string_view uri, Speaks speaks) {
    auto door = std::make_unique<Door>(*this, speaks);
    PARLEY_TRY(door->listener, loop_.listen(uri));
    std::string address = door->listener->address();
    door->listener->start(*door);
    doors_.push_back(std::move(door));
    return address;
  }

  void close() {
    doors_.clear();
    stopped_.set();
    arrivals_.clear();
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
    Door(Impl& hub, Speaks speaks) : hub(hub), speaks(speaks) {}
    void on_stream(std::unique_ptr<io::Stream> stream) override { hub.on_stream(std::move(stream), speaks); }
    void on_listener_failed(Error error) override { hub.on_listener_failed(*this, std::move(error)); }
    Impl& hub;
    Speaks speaks;
    std::unique_ptr<io::Listener> listener;
  };
  // Keeps what may not be destroyed while it tells, until it does no more.
  template <class T>
  struct Grave final : Mortal {
    explicit Grave(std::unique_ptr<T> content) : content(std::move(content)) {}
    std::unique_ptr<T> content;
  };

  // --- the door

  // The others go on.
  void on_listener_failed(Door& door, Error error) {
    const std::string where = door.listener->address();
    door.listener.reset();
    failure_ = Error{error.code, fmt::format("{}: {}", where, error.note)};
    stopped_.set();
  }

  void on_stream(std::unique_ptr<io::Stream> stream, Speaks speaks) {
    ++door_.streams;
    if (visitors_.size() + arrivals_.size() >= options_.limits.sessions_max) {
      ++door_.too_many;
      return;
    }
    const auto& who = stream->peer().credentials;
    if (options_.only_user && (!who || who->uid != *options_.only_user)) {
      ++door_.strangers;
      return;
    }
    if (speaks == Speaks::roam) return admit(std::move(stream));
    auto arrival = std::make_unique<Arrival>(loop_, std::move(stream), as<hub::ArrivalEvents>());
    Arrival& waiting = *arrival;
    arrivals_.emplace(&waiting, std::move(arrival));
    waiting.wait(loop_.now() + options_.limits.handshake_max);
  }

  void on_opening(Arrival& arrival, Opening opening) override {
    std::unique_ptr<Arrival> stream = std::move(arrivals_.extract(&arrival).mapped());
    if (opening == Opening::roam) return admit(std::move(stream));
    ++door_.refused[std::string(to_string(opening))];
    if (const ByteView said = wire::refusal_of(opening); !said.empty()) {
      static_cast<void>(stream->write_some(said, {}));
      stream->finish();
    }
    loop_.executor().bury(std::make_unique<Grave<Arrival>>(std::move(stream)));
  }
  void on_silence(Arrival& arrival) override {
    ++door_.silent;
    loop_.executor().bury(std::make_unique<Grave<Arrival>>(std::move(arrivals_.extract(&arrival).mapped())));
  }

  void admit(std::unique_ptr<io::Stream> stream) {
    ++door_.accepted;
    const std::uint64_t id = ++last_id_;
    Visitor& visitor = *visitors_.emplace(id, std::make_unique<Visitor>(as<hub::VisitorEvents>(), id)).first->second;
    visitor.start(loop_, std::make_unique<runtime::FramedLink>(loop_, std::move(stream), options_.limits),
                  options_.limits, services_.table());
    by_session_.emplace(&visitor.session(), &visitor);
  }

  // --- visitors

  void on_established(Visitor& visitor) override {
    const MetadataEntry* entry = visitor.session().machine().peer_metadata().find(runtime::names::offers);
    if (!entry) return;
    const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&entry->value);
    auto offers = bytes ? codec::from_postcard<std::vector<core::Offer>>(*bytes)
                        : Result<std::vector<core::Offer>>(fail(Code::message, "they are no bytes"));
    if (!offers) {
      visitor.session().break_off({Code::message, fmt::format("the offers: {}", to_string(offers.error()))});
      return;
    }
    for (core::Offer& offer : *offers) {
      if (auto offered = directory_.offer(visitor.id(), std::move(offer)); !offered) {
        visitor.session().break_off(offered.error());
        return;
      }
    }
  }

  Result<void> on_open(Visitor& visitor, const ConnectionOpening& opening) override {
    const Metadata metadata = opening.metadata.to_metadata();
    const std::string* name = metadata.find_text(runtime::names::service);
    if (!name) return fail(Code::rejected, "the connection names no service (parley-service)");
    if (core::is_built_in(*name)) return visitor.session().serve(opening);
    PARLEY_TRY(core::check_name(*name));
    PARLEY_TRY(core::Directory::Choice chosen, directory_.choose(*name));
    PARLEY_TRY(check_room(visitor, *visitors_.at(chosen.provider)));
    join(visitor, *visitors_.at(chosen.provider), std::move(chosen.name)).start(opening);
    return {};
  }

  Relay* bind_root(Visitor& visitor, std::uint64_t method) override {
    auto chosen = directory_.choose_by_method(method);
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

  // A provider may offer ever new names and withdraw them: beyond as many as it may offer at once they share a place,
  // which has no name.
  Histogram& latency_of(Visitor& provider, const std::string& name) const {
    const bool has_room =
        provider.answered.contains(name) || provider.answered.size() < options_.directory.offers_per_provider_max;
    return provider.answered[has_room ? name : std::string()];
  }

  void on_session_over(Visitor& visitor, const Error&) override {
    directory_.drop(visitor.id());
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

  // --- for the built-in services

  core::Directory& names() override { return directory_; }
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
  core::Directory directory_;
  DoorCounters door_;
  hub::DirectoryService directory_service_;
  hub::HubService hub_service_;
  Services services_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Visitor>> visitors_;
  std::unordered_map<const runtime::Session*, Visitor*> by_session_;
  std::unordered_map<const Relay*, Joined> relays_;
  std::unordered_map<const Arrival*, std::unique_ptr<Arrival>> arrivals_;
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
