#include "hub/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "codec/postcard.h"
#include "codec/utf8.h"
#include "core/directory/name.h"
#include "hub/bus/bus_gate.h"
#include "hub/command_gate.h"
#include "hub/command_pages.h"
#include "hub/conversations_access.h"
#include "hub/door.h"
#include "hub/gate.h"
#include "hub/hostpipe/pipe_gate.h"
#include "hub/mcp_pages.h"
#include "hub/metrics.h"
#include "hub/outbox_senders.h"
#include "hub/refusals.h"
#include "hub/relays.h"
#include "hub/services.h"
#include "hub/visitor.h"
#include "hub/web.h"
#include "runtime/commands/session_carrier.h"
#include "runtime/services.h"
#include "runtime/topics/topics_service.h"
#include "runtime/tracing.h"

namespace parley {

using core::Verb;
using hub::Gate;
using hub::Relay;
using hub::Visitor;
using runtime::ConnectionOpening;

// Of what is refused, as far as it is written down.
static constexpr std::size_t name_bytes_max = 256;
static constexpr std::size_t reason_bytes_max = 1024;
// Where WebSockets are opened, for sessions and for lines of commands.
static constexpr std::string_view roam_path = "/roam";
static constexpr std::string_view command_path = "/cmd";
// And for frames of the bus; the second is what its clients in browsers know.
static constexpr std::string_view bus_paths[] = {"/bus", "/liminal"};

class Hub::Impl final : private hub::DoorEvents,
                        private hub::VisitorEvents,
                        private hub::WebEvents,
                        private hub::HubState {
 public:
  Impl(io::Loop& loop, HubOptions options)
      : loop_(loop),
        options_(std::move(options)),
        gate_(std::exchange(options_.policy, {}), std::exchange(options_.tokens, {})),
        directory_(options_.directory),
        registry_(loop, std::exchange(options_.commands, {}), directory_),
        topics_(loop, hub::topic_options(options_.topics, loop.clock(), options_.bus.frame_bytes_max), options_.kept),
        refusals_(options_.refusals_max),
        door_(as<hub::DoorEvents>(), loop, options_.limits, gate_),
        farewells_(std::max(options_.limits.newcomers_max, 1u)),
        directory_service_(*this),
        hub_service_(*this),
        commands_service_(
            [this](Context& context, std::shared_ptr<Carrier> carrier) {
              return attach(context.session(), std::move(carrier));
            },
            [this](Context& context) { return commands_for(context.session()); },
            [this](Context& context, std::string event, std::string payload) {
              return emit(context.session(), std::move(event), std::move(payload));
            }),
        conversations_(std::make_shared<Conversations>(loop.executor(), options_.conversations)),
        conversations_access_(std::make_shared<hub::HubConversationsAccess>(as<hub::HubState>())),
        conversations_service_(conversations_, conversations_access_),
        topics_service_(topics_, [this](Context& context, Verb verb,
                                        std::string_view topic) { return check_for(context.session(), verb, topic); }),
        outbox_service_(registry_, options_.outboxes, hub::outbox_senders(*this)),
        mcp_pages_(registry_, hub::McpPagesOptions()),
        web_(loop, as<hub::WebEvents>(), options_.http, options_.limits.sessions_max),
        command_gate_(
            loop, registry_, gate_,
            [this](const auto& seen, const io::Peer& peer, const Error& why) { write_down(seen, peer, {}, {}, why); },
            {.carriers_max = options_.limits.sessions_max, .newcomers_max = options_.limits.newcomers_max}),
        bus_gate_(
            {loop, gate_, topics_, *conversations_, [this] { conversations_->close(); }}, options_.bus,
            [this](const auto& who, const io::Peer& peer, std::string_view verb, std::string_view name,
                   const Error& why) { write_down(who, peer, verb, name, why); },
            options_.limits.newcomers_max),
        pipe_gate_(
            {loop, gate_, registry_}, std::exchange(options_.hostpipe, {}),
            [this](const auto& who, const io::Peer& peer, std::string_view verb, std::string_view name,
                   const Error& why) { write_down(who, peer, verb, name, why); },
            options_.limits.newcomers_max) {
    services_.serve<builtin::Directory>(std::string(builtin::directory_name), directory_service_).value();
    services_.serve<builtin::Hub>(std::string(builtin::hub_name), hub_service_).value();
    services_.serve<builtin::Commands>(std::string(builtin::commands_name), commands_service_).value();
    services_.serve<builtin::Conversations>(std::string(builtin::conversations_name), conversations_service_).value();
    services_.serve<builtin::Topics>(std::string(builtin::topics_name), topics_service_).value();
    services_.serve<builtin::Outbox>(std::string(builtin::outbox_name), outbox_service_).value();
    registry_.on_refused([this](const core::Registry::Refused& refused) { write_down(refused); });
    web_.add_upgrade(std::string(roam_path));
    web_.add_upgrade(std::string(command_path));
    for (const std::string_view path : bus_paths) web_.add_upgrade(std::string(path));
    hub::add_command_pages(web_, registry_);
    hub::add_health_pages(web_, as<hub::HubState>());
    mcp_pages_.add_to(web_, "/mcp");
    if (options_.tracing) services_.intercept(options_.tracing);
  }
  ~Impl() {
    close();
    bus_gate_.cut_all();
    pipe_gate_.cut_all();
  }

  Task<Result<void>> stopped() {
    co_await stopped_.wait();
    if (failure_) co_return fail(*failure_);
    co_return Result<void>();
  }

  Result<std::string> listen(std::string_view uri, Speaks speaks) {
    auto address = door_.listen(uri, speaks);
    is_listening_ = is_listening_ || address.has_value();
    return address;
  }

  void close() {
    door_.close();
    bus_gate_.close();
    pipe_gate_.close();
    topics_.close();
    web_.close();
    mcp_pages_.close();
    outbox_service_.close();
    registry_.close();
    farewells_.lift_bound();
    stopped_.set();
    const Error why{Code::closed, "the hub was closed"};
    while (!visitors_.empty()) visitors_.begin()->second->session().close(why);
    PARLEY_ASSERT(relays_.size() == 0, relays_.size());
    conversations_access_->forget_hub();
  }

  Task<void> closed() { return bus_gate_.closed(); }

  Registry& registry() { return registry_; }
  Topics& topics() { return topics_; }
  Conversations& conversations() { return *conversations_; }
  const Topics& topics() const override { return topics_; }
  const Conversations& conversations() const override { return *conversations_; }
  OutboxService& outboxes() { return outbox_service_; }
  const OutboxService& outboxes() const override { return outbox_service_; }
  const hub::BusGate& bus() const override { return bus_gate_; }
  const hub::PipeGate& hostpipe() const override { return pipe_gate_; }
  std::vector<std::string> unmet_conditions() const override {
    std::vector<std::string> unmet;
    if (!is_listening_) unmet.emplace_back("listener_bound");
    if (failure_) unmet.emplace_back("listener_working");
    return unmet;
  }
  const core::Directory& directory() const { return directory_; }
  const DoorCounters& door() const override { return door_.counters; }
  const WebCounters& web() const override { return web_.counters(); }
  const CommandGateCounters& command_gate() const override { return command_gate_.counters(); }
  const McpPagesCounters& mcp_pages() const override { return mcp_pages_.counters(); }
  std::size_t session_count() const override { return visitors_.size(); }
  std::size_t leaving_count() const override { return farewells_.count(); }
  std::uint64_t cut_off() const override { return farewells_.cut_off(); }
  std::size_t relay_count() const { return relays_.size(); }
  std::size_t web_connection_count() const { return web_.connection_count(); }
  std::size_t bytes_queued() const {
    std::size_t bytes = 0;
    for (const auto& [id, visitor] : visitors_) {
      io::Link& link = visitor->session().link();
      bytes += link.out().size() + link.bytes_kept();
    }
    return bytes;
  }

 private:
  // --- the door

  void on_newcomer(std::uint64_t id, std::unique_ptr<io::Link> link, std::optional<core::Principal> seen,
                   Instant until) override {
    auto made = std::make_unique<Visitor>(as<hub::VisitorEvents>(), id, std::move(seen));
    Visitor& visitor = *visitors_.emplace(id, std::move(made)).first->second;
    visitor.start(loop_, std::move(link), {options_.limits, until, &farewells_}, services_.table());
    by_session_.emplace(&visitor.session(), &visitor);
  }
  void on_pushed_out(std::uint64_t id) override {
    visitors_.at(id)->session().break_off({Code::overloaded, "others came, and you had not said who you are"});
  }
  void on_http_pushed_out(std::uint64_t id) override { web_.push_out(id); }
  void on_stranger(const std::optional<core::Principal>& seen, const io::Peer& peer) override {
    write_down(seen, peer, {}, {}, gate_.stranger(seen));
  }
  // --- the web, and lines

  bool on_http(std::uint64_t id, std::unique_ptr<io::Stream>& stream, const std::optional<core::Principal>& seen,
               Instant until) override {
    return web_.accept(stream, seen, until, id);
  }
  void on_lines(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) override {
    command_gate_.admit(std::move(stream), std::move(seen), std::nullopt, until);
  }
  void on_bus(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) override {
    bus_gate_.admit({.stream = std::move(stream), .seen = std::move(seen), .until = until});
  }
  void on_hostpipe(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) override {
    pipe_gate_.admit({.stream = std::move(stream), .seen = std::move(seen), .until = until});
  }
  const Gate& gate() const override { return gate_; }
  void on_web_refused(const std::optional<core::Principal>& seen, const io::Peer& peer, const Error& why) override {
    write_down(seen, peer, {}, {}, why);
  }
  void on_web_newcomer_over(std::uint64_t id) override { door_.forget(id); }
  void on_web_upgrade(std::unique_ptr<io::Stream> stream, const io::HttpRequest& request,
                      std::optional<core::Principal> seen, Instant until) override {
    if (request.path() == roam_path) return door_.on_websocket(std::move(stream), std::move(seen), until);
    auto bearer = hub::bearer_of(request);
    if (const auto* const path = std::ranges::find(bus_paths, request.path()); path != std::end(bus_paths)) {
      const auto is_let_in = std::make_shared<bool>(false);
      auto messages = loop_.accept_websocket(stream, {.path = std::string(*path),
                                                      .message_bytes_max = options_.bus.frame_bytes_max,
                                                      .opening_bytes_max = options_.bus.opening_bytes_max,
                                                      .is_let_in = is_let_in});
      if (!messages) return;
      return bus_gate_.admit({.stream = *std::move(messages),
                              .seen = std::move(seen),
                              .bearer = bearer ? std::optional<std::string>(*bearer) : std::nullopt,
                              .is_of_messages = true,
                              .until = until,
                              .is_let_in = is_let_in});
    }
    auto lines = loop_.accept_websocket(stream, {.path = std::string(command_path),
                                                 .is_text_lines = true,
                                                 .message_bytes_max = CarrierLimits().message_bytes_max});
    if (!lines) return;
    command_gate_.admit(*std::move(lines), std::move(seen), bearer ? std::optional<std::string>(*bearer) : std::nullopt,
                        until);
  }
  Task<Result<void>> attach(const runtime::Session& session, std::shared_ptr<Carrier> carrier) {
    const Visitor* const visitor = visitor_of(session);
    if (!visitor) co_return fail(Code::closed, "the session");
    AttachOptions options;
    options.rights = std::make_shared<const core::Rights>(visitor->rights());
    co_return co_await registry_.attach(std::move(carrier), std::move(options));
  }
  std::vector<CommandDefinition> commands_for(const runtime::Session& session) {
    const Visitor* const visitor = visitor_of(session);
    return visitor ? registry_.commands(&visitor->rights()) : std::vector<CommandDefinition>();
  }
  Result<void> emit(const runtime::Session& session, std::string event, std::string payload) {
    const Visitor* const visitor = visitor_of(session);
    if (!visitor) return fail(Code::closed, "the session");
    return registry_.emit_json(std::move(event), std::move(payload), {}, &visitor->rights());
  }
  Result<std::string> check_for(const runtime::Session& session, Verb verb, std::string_view name) {
    const Visitor* const visitor = visitor_of(session);
    if (!visitor) return fail(Code::closed, "the session");
    PARLEY_TRY(check(*visitor, verb, name));
    return to_string(visitor->rights().principal());
  }
  void write_down(const core::Registry::Refused& refused) {
    io::Peer peer;
    peer.address = refused.from.empty() ? "a single request" : refused.from;
    write_down(refused.principal, peer, to_string(refused.verb), refused.name, refused.why);
  }
  void on_listener_failed(Error error) override {
    failure_ = std::move(error);
    stopped_.set();
  }

  // --- visitors

  void on_established(Visitor& visitor) override {
    const Metadata& hello = visitor.session().machine().peer_metadata();
    const Gate::Entry entered = gate_.enter(visitor.seen(), hello);
    if (!entered.principal) {
      ++(entered.fault == Gate::Fault::token_missing ? door_.counters.tokens_missing : door_.counters.tokens_wrong);
      write_down(visitor.seen(), visitor.session().peer(), {}, {}, entered.refusal);
      visitor.session().break_off(entered.refusal);
      return;
    }
    visitor.enter(core::Rights(gate_.policy(), *entered.principal));
    door_.forget(visitor.id());
    take_offers(visitor, hello);
  }

  void take_offers(Visitor& visitor, const Metadata& hello) {
    const MetadataEntry* entry = hello.find(wire::roam::names::offers);
    if (!entry) return;
    visitor.takes_introductions = true;
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
    const std::string* name = metadata.find_text(wire::roam::names::service);
    if (!name) return fail(Code::rejected, "the connection names no service: ConnectionOptions::service does");
    if (core::is_built_in(*name)) return visitor.session().serve(opening);
    PARLEY_TRY(core::Directory::Choice chosen, choose(visitor, *name));
    relays_.join(visitor, *visitors_.at(chosen.provider), std::move(chosen.name)).start(opening);
    return {};
  }

  Result<core::Directory::Choice> choose(const Visitor& client, std::string_view name) override {
    PARLEY_TRY(core::check_name(name));
    auto chosen = directory_.choose(name, client.rights());
    // Also of a name that he is told is not there.
    if (!chosen && directory_.has(name)) write_down(client, Verb::call, name);
    if (chosen) PARLEY_TRY(relays_.check_room(client, *visitors_.at(chosen->provider)));
    return chosen;
  }

  Relay* bind_root(Visitor& visitor, std::uint64_t method) override {
    auto chosen = directory_.choose_by_method(method, visitor.rights());
    if (!chosen) {
      if (const std::string* name = directory_.name_of(method)) write_down(visitor, Verb::call, *name);
    }
    if (!chosen || !relays_.check_room(visitor, *visitors_.at(chosen->provider))) return nullptr;
    Relay& relay = relays_.join(visitor, *visitors_.at(chosen->provider), std::move(chosen->name));
    relay.start_on_root();
    return &relay;
  }

  bool waits_for(const Visitor& visitor) const override { return relays_.waits_for(visitor); }
  void on_session_over(Visitor& visitor, const Error&) override {
    directory_.drop(visitor.id());
    door_.forget(visitor.id());
    by_session_.erase(&visitor.session());
    auto gone = visitors_.extract(visitor.id());
    loop_.executor().bury_after_drain(std::move(gone.mapped()));
  }

  // --- what is refused

  void refuse(const core::Principal& who, const io::Peer& peer, Verb verb, std::string_view name,
              const Error& why) override {
    write_down(who, peer, to_string(verb), name, why);
  }
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
                   .name = codec::to_line(name, name_bytes_max),
                   .reason = codec::to_line(why.note, reason_bytes_max)});
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

  std::vector<hub::RelayState> relays() override { return relays_.all(); }
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

  io::Loop& loop_;
  HubOptions options_;
  const Gate gate_;
  core::Directory directory_;
  Registry registry_;
  Topics topics_;
  hub::Refusals refusals_;
  hub::Door door_;
  runtime::Farewells farewells_;
  hub::DirectoryService directory_service_;
  hub::HubService hub_service_;
  CommandsService commands_service_;
  const std::shared_ptr<Conversations> conversations_;  // and its access: handlers keep them, too
  const std::shared_ptr<hub::HubConversationsAccess> conversations_access_;
  ConversationsService conversations_service_;
  TopicsService topics_service_;
  OutboxService outbox_service_;
  Services services_;
  std::map<std::uint64_t, std::unique_ptr<Visitor>> visitors_;
  std::unordered_map<const runtime::Session*, Visitor*> by_session_;
  hub::Relays relays_{loop_, options_, directory_};
  Event stopped_;
  std::optional<Error> failure_;
  bool is_listening_ = false;
  hub::McpPages mcp_pages_;
  hub::Web web_;
  hub::CommandGate command_gate_;
  hub::BusGate bus_gate_;
  hub::PipeGate pipe_gate_;
};

Hub::Hub(io::Loop& loop, HubOptions options) : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
Hub::~Hub() = default;

Result<std::string> Hub::listen(std::string_view uri, Speaks speaks) { return impl_->listen(uri, speaks); }
Task<Result<void>> Hub::stopped() { return impl_->stopped(); }
void Hub::close() { impl_->close(); }
Task<void> Hub::closed() { return impl_->closed(); }
Registry& Hub::registry() { return impl_->registry(); }
Topics& Hub::topics() { return impl_->topics(); }
Conversations& Hub::conversations() { return impl_->conversations(); }
OutboxService& Hub::outboxes() { return impl_->outboxes(); }
std::size_t Hub::web_connection_count() const { return impl_->web_connection_count(); }
const core::Directory& Hub::directory() const { return impl_->directory(); }
const DoorCounters& Hub::door() const { return std::as_const(*impl_).door(); }
const WebCounters& Hub::web() const { return std::as_const(*impl_).web(); }
const CommandGateCounters& Hub::command_gate() const { return std::as_const(*impl_).command_gate(); }
const McpPagesCounters& Hub::mcp_pages() const { return std::as_const(*impl_).mcp_pages(); }
const BusCounters& Hub::bus() const { return std::as_const(*impl_).bus().counters(); }
std::size_t Hub::bus_connection_count() const { return std::as_const(*impl_).bus().connection_count(); }
const HostpipeCounters& Hub::hostpipe() const { return std::as_const(*impl_).hostpipe().counters(); }
bool Hub::has_host() const { return std::as_const(*impl_).hostpipe().has_host(); }
std::size_t Hub::session_count() const { return impl_->session_count(); }
std::size_t Hub::leaving_count() const { return std::as_const(*impl_).leaving_count(); }
std::size_t Hub::relay_count() const { return impl_->relay_count(); }
std::size_t Hub::bytes_queued() const { return impl_->bytes_queued(); }

}  // namespace parley
