#include "runtime/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "runtime/channel_core.h"
#include "runtime/description_service.h"
#include "runtime/inbound_call.h"
#include "runtime/method_table.h"
#include "runtime/opened_connection.h"
#include "runtime/pending_call.h"
#include "runtime/session.h"

namespace parley::runtime {

using wire::roam::ChannelKind;
using wire::roam::Decoder;
using wire::roam::MetadataView;
using wire::roam::RequestKind;

// A call is intercepted before it opens the connection that it is for.
static const Interceptors* interceptors_of(const Session& session) {
  const Interceptors& all = session.options().interceptors;
  return all.empty() ? nullptr : &all;
}

Connection::Connection(Session& session)
    : session_(session),
      counters_(&session.counters()),
      executor_(&session.loop().executor()),
      keepalive_(&session.keepalive()),
      callers_(&session.callers()),
      interceptors_(interceptors_of(session)) {
  over_.set();
}

Connection::Connection(Session& session, OpenedConnection& owner)
    : session_(session),
      owner_(&owner),
      counters_(&session.counters()),
      executor_(&session.loop().executor()),
      keepalive_(&session.keepalive()),
      callers_(&owner.callers()),
      interceptors_(interceptors_of(session)) {
  over_.set();
}

Connection::~Connection() { PARLEY_ASSERT(!is_open_); }

void Connection::open(const Opening& opening) {
  PARLEY_ASSERT(!is_open_);
  id_ = opening.id;
  is_peer_foreign_ = opening.is_peer_foreign;
  methods_ = opening.methods;
  interceptors_of_served_ = methods_ && !methods_->interceptors().empty() ? &methods_->interceptors() : nullptr;
  link_ = &session_.link();
  out_ = &link_->out();
  outbound_bytes_max_ = limits().outbound_bytes_max;
  frame_bytes_max_ = limits().frame_bytes_max;
  depth_max_ = limits().depth_max;
  const Leniency& lenient = session_.options().lenient;
  const std::uint64_t seed = session_.loop().random().next();
  calls_.emplace(
      limits(), counters(),
      core::Calls::Options{.parity = opening.parity,
                           .peer_requests_max = std::min(opening.peer_requests_max, limits().outgoing_calls_max),
                           .requests_max = opening.requests_max,
                           .accepts_any_parity = is_peer_foreign_ && lenient.request_parity,
                           .ignores_repeated_responses = is_peer_foreign_ && lenient.repeated_responses,
                           .hash_seed = seed});
  channels_.emplace(
      limits(), counters(),
      core::Channels::Options{.parity = opening.parity,
                              .is_peer_foreign = is_peer_foreign_,
                              .takes_items_beyond_credit = is_peer_foreign_ && lenient.items_beyond_credit,
                              .accepts_any_order = is_peer_foreign_ && lenient.channel_order,
                              .hash_seed = seed});
  is_open_ = true;
  over_.reset();
  end_reason_.reset();
}

Result<void> Connection::reopen() {
  if (!owner_) return fail(session_.away());
  return owner_->open();
}

void Connection::add_client() {
  add_caller();
  session_.add_caller();
}

void Connection::drop_client() {
  drop_caller();
  session_.drop_caller();
}

void Connection::on_last_caller_gone() {
  if (owner_) {
    owner_->on_last_caller_gone();
  } else {
    session_.on_last_caller_gone();
  }
}

void Connection::set_peer_requests_max(std::uint32_t max) {
  calls_->set_peer_requests_max(std::min(max, limits().outgoing_calls_max));
  send_waiting();
}

const Limits& Connection::limits() const { return session_.options().limits; }
std::uint32_t Connection::cleanups() const { return session_.cleanups(); }

Task<Result<void>> Connection::closed() {
  struct Held {
    explicit Held(Connection& connection) : connection(connection) { connection.add_client(); }
    ~Held() { connection.drop_client(); }
    Connection& connection;
  };
  const Held held(*this);
  co_await over_.wait();
  if (end_reason_) co_return fail(*end_reason_);
  co_return Result<void>();
}

void Connection::end(const Error& error, Committed committed, std::optional<Error> reason) {
  if (!is_open_) return;
  is_open_ = false;
  end_reason_ = std::move(reason);
  withdrawn_.clear();
  const std::uint64_t leaving = committed == Committed::is_dropped ? out_->sent() : out_->committed();
  const bool is_breach = kind(error) == Kind::protocol && error.code != Code::frame_truncated;
  const Error not_sent{Code::not_sent, error.note};
  const Error may_have_happened = is_breach ? error : Error{Code::sent_then_lost, to_string(error)};
  bool was_sent = false;
  while (core::OutgoingCall* taken = calls_->take_any_outgoing(was_sent)) {
    auto& call = static_cast<PendingCall&>(*taken);
    const bool may_have_left = was_sent && call.announced_at <= leaving;
    if (!is_breach && committed != Committed::was_refused && session_.repeats().take(call, may_have_left)) continue;
    if (committed == Committed::was_refused) {
      call.finish({.error = &error, .never_began = &error});
    } else if (may_have_left) {
      call.finish({.error = &may_have_happened});
    } else {
      call.finish({.error = &not_sent, .never_began = &not_sent});
    }
  }
  while (core::ChannelEnd* channel = channels_->take_any()) {
    ChannelCore& core = ChannelCore::of(*channel);
    core.set_failure(error);
    core.wake_and_unbind();
  }
  while (core::IncomingCall* call = calls_->take_any_incoming()) static_cast<InboundCall*>(call)->drop(error);
  for (auto& [id, call] : std::exchange(watched_, {})) WatchedCall::end(std::move(call), error);
  over_.set();
}

bool Connection::broken(const Error& error) {
  fault_ = error;
  return false;
}
bool Connection::broken(Code code, std::string_view note) { return broken(Error{code, std::string(note)}); }

// --- calls

[[gnu::always_inline]] inline bool Connection::start_call(std::uint64_t method, const InboundHead& head) {
  const MethodEntry* entry = methods_ ? methods_->find(method) : nullptr;
  const core::Calls::Arrival arrival = calls_->on_call(head.id, is_overfull());
  if (!entry || arrival != core::Calls::Arrival::start || interceptors_of_served_) [[unlikely]]
    return take_odd_call(arrival, method, head);
  entry->start(*this, *entry, head);
  return true;
}

[[gnu::always_inline]] inline bool Connection::finish_call(std::uint64_t id, Completion& completion) {
  core::OutgoingCall* taken = nullptr;
  const core::Calls::Match match = calls_->on_response(id, taken);
  if (match != core::Calls::Match::delivered) [[unlikely]]
    return finish_odd_call(match, id, completion);
  auto& call = static_cast<PendingCall&>(*taken);
  const ByteView result = completion.result;
  if (result.size() == 2 && result[0] == 1 && result[1] != 0) [[unlikely]] {
    finish_refused_call(call, completion);
  } else {
    call.finish(completion);
  }
  if (is_open_ && calls_->in_line() != 0) [[unlikely]]
    send_waiting();
  return true;
}

bool Connection::on_request_bytes(ByteView message, const std::uint8_t* body, Block* block) {
  const std::uint8_t* const end = message.data() + message.size();
  const auto [behind_id, id] = codec::read_varint(body, end);
  const std::uint8_t* at = behind_id;
  if (at && end - at >= 3) [[likely]] {
    if (*at == static_cast<std::uint8_t>(RequestKind::call)) {
      std::uint64_t method = 0;
      at = codec::get_long_varint(at + 1, end, method);
      if (at && end - at >= 2 && (at[0] | at[1]) == 0) [[likely]] {  // no channels, no metadata
        const InboundHead head{.id = id, .channels = {}, .metadata = {}, .arguments = {at + 2, end}, .block = block};
        return start_call(method, head);
      }
    } else if (*at == static_cast<std::uint8_t>(RequestKind::response) && (at[1] | at[2]) == 0) {
      Completion completion{.result = {at + 3, end}, .block = block, .connection = this};
      return finish_call(id, completion);
    }
  }
  Decoder decoder({body, end}, limits());
  return on_request(decoder, block);
}

bool Connection::on_request(Decoder& decoder, Block* block) {
  std::uint64_t id = 0;
  RequestKind kind{};
  if (!decoder.request_head(id, kind)) return broken(decoder.fault(), decoder.what());
  switch (kind) {
    case RequestKind::call: return on_call(id, decoder, block);
    case RequestKind::response: return on_response(id, decoder, block);
    case RequestKind::cancel: return on_cancel(id, decoder);
  }
  return broken(Code::message);
}

bool Connection::on_call(std::uint64_t id, Decoder& decoder, Block* block) {
  InboundHead head{.id = id, .block = block};
  std::uint64_t method = 0;
  if (!decoder.method(method) || !decoder.channels(head.channels) || !decoder.metadata(head.metadata)) {
    return broken(decoder.fault(), decoder.what());
  }
  head.arguments = decoder.rest();
  if (head.channels.size() != 0) {
    if (auto announced = channels_->announce(head.channels); !announced) return broken(announced.error());
  }
  return start_call(method, head);
}

// A call that is not simply started.
bool Connection::take_odd_call(core::Calls::Arrival arrival, std::uint64_t method, const InboundHead& head) {
  switch (arrival) {
    case core::Calls::Arrival::start:
      if (interceptors_of_served_) {
        start_watched(method, head);
      } else {
        refuse_method(method, head);
      }
      return true;
    case core::Calls::Arrival::overloaded: refuse_for_overload(head, {}); return true;
    case core::Calls::Arrival::duplicate:
      return broken(Code::duplicate_request, fmt::format("request {} is not answered yet", head.id));
    case core::Calls::Arrival::wrong_parity:
      return broken(Code::request_parity,
                    fmt::format("request {}: ids of the peer are {}", head.id, head.id % 2 == 0 ? "odd" : "even"));
  }
  return true;
}

// A peer that calls and reads no response gets refusals as control messages, which have a bound of their own; otherwise
// they would gather without end.
void Connection::refuse_for_overload(const InboundHead& head, std::string_view what) {
  const Error error{Code::too_many_calls, std::string(what)};
  put_error(is_overfull() ? link_->control() : *out_, head.id, refusal_of(head.channels), &error);
}

// No typed service has the method: it may be a built-in one, or a raw handler may take it.
void Connection::refuse_method(std::uint64_t method, const InboundHead& head) {
  if (answer_builtin(*this, methods_, method, head)) return;
  const MethodTable* const for_peer = this == &session_.root() ? session_.options().for_peer.get() : nullptr;
  if (const MethodEntry* const entry = for_peer ? for_peer->find(method) : nullptr) {
    entry->start(*this, *entry, head);
    return;
  }
  if (methods_ && methods_->rest().start) {
    MethodEntry entry = methods_->rest();
    entry.id = method;
    entry.start(*this, entry, head);
    return;
  }
  ++counters().methods_unknown;
  respond_with_error(head.id, RoamError::unknown_method, nullptr);
}

bool Connection::on_response(std::uint64_t id, Decoder& decoder, Block* block) {
  wire::roam::ChannelList channels;
  Completion completion{.block = block, .connection = this};
  if (!decoder.channels(channels) || !decoder.metadata(completion.metadata)) {
    return broken(decoder.fault(), decoder.what());
  }
  completion.result = decoder.rest();
  return finish_call(id, completion);
}

// Which errors say that no handler took the call's channels, so that whoever uses them is told.
static bool says_never_began(const Completion& completion, const Error& error) {
  return static_cast<RoamError>(completion.result[1]) != RoamError::cancelled || kind(error) == Kind::overloaded;
}

bool Connection::finish_odd_call(core::Calls::Match match, std::uint64_t id, const Completion& completion) {
  switch (match) {
    case core::Calls::Match::delivered: break;
    case core::Calls::Match::late:
      if (!withdrawn_.empty()) finish_withdrawn(id, completion);
      if (is_open_) send_waiting();
      return true;
    case core::Calls::Match::repeated: return true;
    case core::Calls::Match::protocol_error:
      return broken(Code::second_response, fmt::format("no call with id {} is open", id));
  }
  return true;
}

void Connection::finish_withdrawn(std::uint64_t id, const Completion& completion) {
  const auto call = withdrawn_.extract(id);
  if (!call) return;
  const ByteView result = completion.result;
  if (result.size() != 2 || result[0] != 1 || result[1] == 0) return;
  const Error error = error_of(completion);
  if (says_never_began(completion, error)) fail_channels(call.mapped(), error);
}

void Connection::finish_refused_call(PendingCall& call, Completion& completion) {
  const Error error = error_of(completion);
  if (says_never_began(completion, error)) completion.never_began = &error;
  call.finish(completion);
}

bool Connection::on_cancel(std::uint64_t id, Decoder& decoder) {
  MetadataView metadata;
  if (!decoder.metadata(metadata)) return broken(decoder.fault(), decoder.what());
  if (!decoder.rest().empty()) return broken(Code::message, "bytes after the end of the message");
  core::IncomingCall* call = calls_->on_cancel(id);
  if (call) static_cast<InboundCall*>(call)->cancel({Code::cancelled, {}}, metadata);
  return true;
}

void Connection::send_waiting() {
  while (core::OutgoingCall* next = calls_->next_to_send()) send_aside(static_cast<PendingCall&>(*next));
}

void Connection::send_aside(PendingCall& call) {
  PendingCall::Extra& extra = *call.extra_;
  const ByteView body = extra.body.view();
  std::uint8_t* cursor = wire::begin_frame(*out_, wire::roam::head_bytes_max + body.size());
  cursor = wire::roam::put_request_head(cursor, id_, call.id(), RequestKind::call);
  const std::uint8_t* rest = body.data();
  if (extra.remaining_end != 0) {
    // The time in line is gone.
    const auto left = std::chrono::ceil<std::chrono::microseconds>(extra.deadline.when() - executor_->now()).count();
    cursor = std::copy_n(rest, extra.remaining_end - extra.remaining_size, cursor);
    cursor = codec::put_varint(cursor, static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0)));
    rest += extra.remaining_end;
  }
  cursor = std::copy(rest, body.data() + body.size(), cursor);
  if (!extra.repeats) extra.body = {};
  call.announced_at = position_behind(cursor);
  end_message(cursor);
  announce_channels(call);
}

void Connection::announce_channels(PendingCall& call) {
  PendingCall::Extra& extra = call.extra();
  IntrusiveList<ChannelCore>& channels = extra.channels;
  for (ChannelCore* core = channels.empty() ? nullptr : &channels.front(); core; core = channels.next_of(*core)) {
    core->unannounced_ = nullptr;
    if (!core->is_sender()) {
      auto& receiver = *static_cast<ReceivingCore*>(core);
      receiver.end.announced_at = call.announced_at;
      if (receiver.is_waiting()) receiver.early_credit += receiver.end.ask();
      if (const std::uint32_t early = std::exchange(receiver.early_credit, 0)) send_grant(receiver, early);
      continue;
    }
    auto& sender = *static_cast<SendingCore*>(core);
    sender.end.announced_at = call.announced_at;
    channels_->let_go(sender.end);
    sender.pump();
  }
  for (const GoneChannel& gone : extra.gone) {
    put_channel_end(*out_, gone.id, gone.is_sender ? ChannelKind::close : ChannelKind::reset, gone.metadata);
    link_->committed();
  }
  extra.gone.clear();
}

// Control messages are small: one with much metadata goes with the data, not past it.
static bool is_small(const Metadata& metadata) {
  static constexpr std::size_t bytes_max = 1024;
  return wire::roam::bytes_bound(metadata) <= bytes_max;
}

const Metadata& Connection::fit_or_refused(const Metadata& metadata, Metadata& refusal) const {
  const std::string_view unfit = wire::roam::unfit(metadata, limits(), 0);
  if (unfit.empty()) return metadata;
  return refusal = describe({Code::invalid, std::string(unfit)});
}

void Connection::withdraw(PendingCall& call, const Metadata& metadata) {
  if (!calls_->give_up(call)) return;
  if (call.extra_ && !call.extra_->channels.empty()) {
    withdrawn_[call.id()].take_all(call.extra_->channels);
  }
  Metadata refusal;
  const Metadata& fitting = fit_or_refused(metadata, refusal);
  OutBuffer& out = control_for(call.announced_at, fitting);
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
  cursor = wire::roam::put_request_head(cursor, id_, call.id(), RequestKind::cancel);
  wire::end_frame(out, wire::roam::put_metadata(out, cursor, fitting));
  link_->committed_later();
}

void Connection::give_up(PendingCall& call) {
  const bool was_in_line = call.state() == core::OutgoingCall::State::waiting;
  withdraw(call);
  if (was_in_line && call.extra_) fail_channels(call.extra_->channels, {Code::not_sent, "the call was dropped"});
  drop_caller();
}

OutBuffer& Connection::control_for(std::uint64_t announced_at, const Metadata& metadata) {
  return announced_at <= out_->sent() && is_small(metadata) ? link_->control() : *out_;
}

void Connection::respond_with_error(std::uint64_t id, RoamError kind, const Error* error) {
  put_error(*out_, id, kind, error);
}

void Connection::put_error(OutBuffer& out, std::uint64_t id, RoamError kind, const Error* error) {
  const Metadata metadata = error ? describe(*error) : Metadata();
  if (!watched_.empty()) note_error(id, kind, error);
  std::uint8_t* cursor = begin_response(out, id, &metadata);
  *cursor++ = 1;
  *cursor++ = static_cast<std::uint8_t>(kind);
  wire::end_frame(out, cursor);
  link_->committed();
}

}  // namespace parley::runtime
