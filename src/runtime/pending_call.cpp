#include "runtime/pending_call.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/session.h"

namespace parley::runtime {

PendingCall::PendingCall(PendingCall&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      complete_(other.complete_),
      extra_(std::move(other.extra_)) {
  PARLEY_ASSERT(other.waiter_ == nullptr, "a call that is awaited may not move");
  if (connection_) connection_->calls().relocate(other, *this);
  if (other.is_linked()) take_place_of(other);  // it waits to be repeated
  if (extra_) extra_->deadline.call = this;
}

void PendingCall::abandon() {
  if (state() == State::idle) leave();  // it waits to be repeated
  Connection& connection = *std::exchange(connection_, nullptr);
  connection.give_up(*this);
  if (extra_ && extra_->watched) WatchedCall::end(std::move(extra_->watched), {Code::cancelled, "it was dropped"});
}

// That no handler saw it is so of the last time that it was made.
void PendingCall::finish_in_doubt(const Error& never_began) {
  extra_->may_have_happened = false;
  const Error unknown{Code::sent_then_lost, fmt::format("and when it was made again: {}", to_string(never_began))};
  finish({.error = &unknown});
}

void PendingCall::cancel(const Metadata& metadata) {
  if (!connection_) return;
  const bool was_waiting = state() == State::waiting;
  connection_->withdraw(*this, metadata);
  const Error error{Code::cancelled, was_waiting ? "before the call was sent" : ""};
  finish({.error = &error, .never_began = was_waiting ? &error : nullptr});
}

void PendingCall::finish(const Completion& completion) {
  if (extra_ && extra_->may_have_happened && completion.never_began) [[unlikely]]
    return finish_in_doubt(*completion.never_began);
  Connection* connection = std::exchange(connection_, nullptr);
  leave();
  std::unique_ptr<WatchedCall> watched;
  if (extra_) {
    if (completion.never_began) connection->fail_channels(extra_->channels, *completion.never_began);
    watched = std::move(extra_->watched);
    extra_.reset();
  }
  const Error* const error = complete_(*this, completion);
  if (watched) [[unlikely]]
    end_watched(std::move(watched), completion, error);
  if (waiter_) {
    async::PromiseBase& waiter = *std::exchange(waiter_, nullptr);
    waiter.executor().post(waiter);
  }
  if (connection) connection->drop_caller();
}

void PendingCall::end_watched(std::unique_ptr<WatchedCall> watched, const Completion& completion, const Error* error) {
  CallOutcome outcome{.metadata = completion.metadata.to_metadata()};
  if (error) {
    outcome.error = *error;
  } else {
    const bool is_value = completion.result.front() == 0;
    outcome.how = is_value ? CallOutcome::How::value : CallOutcome::How::own_error;
    outcome.result_bytes = completion.result.size() - (is_value ? 1 : 2);
  }
  WatchedCall::end(std::move(watched), std::move(outcome));
}

void PendingCall::Extra::Deadline::fire(Timer& timer) {
  PendingCall& call = *static_cast<Deadline&>(timer).call;
  Connection& connection = *call.connection_;
  ++connection.counters().deadlines_passed_here;
  const bool was_waiting = call.state() == State::waiting;
  connection.withdraw(call);
  const Error error = was_waiting ? Error{Code::too_many_calls, "the deadline passed while the call was in line"}
                                  : Error{Code::deadline, {}};
  call.finish({.error = &error, .never_began = was_waiting ? &error : nullptr});
}

// --- starting

const CallOptions* CallStart::intercept(const WatchedCall::About& about, const CallOptions* options) {
  Session& session = connection_.session();
  auto watched = std::make_unique<WatchedCall>(session.loop(), session.peer(), connection_.limits(),
                                               *connection_.interceptors(), about, options ? *options : CallOptions());
  if (auto may = watched->before(); !may) {
    ++connection_.counters().interceptors_refused;
    WatchedCall::end(std::move(watched), may.error());
    call_.finish_with(may.error());
    return nullptr;
  }
  return &(call_.extra().watched = std::move(watched))->options();
}

bool CallStart::repeats() const { return connection_.session().redials(); }

bool CallStart::begin_slowly(const CallOptions* options, bool is_idempotent) {
  if (!connection_.is_open()) {
    if (auto open = connection_.reopen(); !open) {
      call_.finish_with(open.error());
      return false;
    }
  }
  if (connection_.is_overfull()) {
    ++connection_.counters().calls_refused_here;
    call_.finish_with({Code::outbound_full, {}});
    return false;
  }
  is_kept_ = (options ? options->idempotent.value_or(is_idempotent) : is_idempotent) && repeats();
  if (!options) return is_kept_ ? begin_kept() : take_slot();
  if (!options->metadata.empty() || options->deadline) {
    const std::string_view unfit = wire::roam::unfit(options->metadata, connection_.limits(), 1);
    if (!unfit.empty()) {
      call_.finish_with({Code::invalid, std::string(unfit)});
      return false;
    }
  }
  if (options->deadline) {
    if (*options->deadline <= Duration::zero()) {
      ++connection_.counters().deadlines_passed_here;
      call_.finish_with({Code::deadline, "before the call was sent"});
      return false;
    }
    Executor& executor = connection_.executor();
    executor.arm(call_.extra().deadline, executor.now() + *options->deadline);
  }
  return is_kept_ ? begin_kept() : take_slot();
}

// Encoded aside, as a call in line is, because that stays.
bool CallStart::begin_kept() {
  if (connection_.calls().begin(call_) != core::Calls::Admission::send) return line_up();
  own();
  go_aside();
  return true;
}

void CallStart::go_aside() {
  is_direct_ = false;
  out_ = &aside_.emplace(connection_.session().loop().blocks());
  cursor = out_->room(wire::roam::head_bytes_max + codec::VarintConstant::room);
}

bool CallStart::line_up() {
  if (call_.state() != core::OutgoingCall::State::waiting) {
    call_.finish_with({Code::too_many_calls, fmt::format("{} calls are in line", connection_.calls().in_line())});
    return false;
  }
  own();
  go_aside();
  return true;
}

void CallStart::put_some_metadata(const CallOptions& options) {
  if (!options.deadline || connection_.is_peer_foreign()) {
    cursor = wire::roam::put_metadata(*out_, cursor, options.metadata);
    return;
  }
  Metadata metadata = options.metadata;
  const auto us = std::chrono::ceil<std::chrono::microseconds>(*options.deadline).count();
  metadata.add(std::string(wire::roam::names::remaining_us), static_cast<std::uint64_t>(us));
  cursor = wire::roam::put_metadata(*out_, cursor, metadata);
  if (is_direct_) return;
  // It goes on falling while the call is in line. Behind it is a byte of flags.
  call_.extra().remaining_end = static_cast<std::size_t>(cursor - out_->back()) - 1;
  call_.extra().remaining_size = codec::varint_bytes(static_cast<std::uint64_t>(us));
}

void CallStart::bind_core(ChannelCore& core, std::uint32_t initial_credit) {
  PARLEY_ASSERT(channel_count_ < channel_ids_.size());
  const bool is_ours_to_send = !core.is_sender();
  if (is_ours_to_send && !connection_.may_send_with(initial_credit)) {
    call_.extra().unsupported_credit = std::max(call_.extra().unsupported_credit, initial_credit);
    is_direct_ = false;  // so that end() looks
  }
  core::Channels& channels = connection_.channels();
  std::uint64_t& id = channel_ids_[channel_count_++];
  ChannelCore* twin = core.take_twin();
  if (!twin) {
    id = channels.skip_own();
    const bool is_clean = core.twin_end() == ChannelCore::TwinEnd::closed;
    call_.extra().gone.push_back(
        {id, !core.is_sender(), is_clean ? Metadata() : connection_.describe({Code::dropped, {}})});
    return;
  }
  twin->bind(connection_);
  call_.extra().channels.push_back(*twin);
  twin->unannounced_ = &call_.extra().gone;
  if (twin->is_sender()) {
    core::SendingEnd& end = static_cast<SendingCore*>(twin)->end;
    channels.open_own(end, initial_credit);
    channels.hold_back(end);
    id = end.id();
  } else {
    core::ReceivingEnd& end = static_cast<ReceivingCore*>(twin)->end;
    channels.open_own(end, initial_credit);
    id = end.id();
  }
}

void CallStart::put_channels() {
  cursor = out_->more(cursor, (channel_count_ + 1) * codec::varint_bytes_max);
  cursor = codec::put_varint(cursor, channel_count_);
  for (std::uint32_t i = 0; i < channel_count_; ++i) cursor = codec::put_varint(cursor, channel_ids_[i]);
}

void CallStart::end_slowly(codec::Fault fault) {
  Error error;
  if (call_.extra_ && call_.extra_->unsupported_credit != 0) {
    error = connection_.unsupported_credit(call_.extra_->unsupported_credit);
  } else if (fault != codec::Fault::none) {
    error = {Code::invalid, fmt::format("the arguments: {}", codec::to_string(fault))};
  } else if (!connection_.fits_aside(*out_, cursor)) {
    error = {Code::too_large, fmt::format("a call above {} bytes", connection_.limits().frame_bytes_max)};
  } else {
    const ByteView body(out_->back(), static_cast<std::size_t>(cursor - out_->back()));
    call_.extra().body = Bytes::copy_of(body);
    if (is_kept_ && channel_count_ == 0) connection_.session().repeats().keep(call_);
    if (call_.state() == core::OutgoingCall::State::sent) connection_.send_aside(call_);
    return;
  }
  connection_.calls().take_back(call_);
  call_.finish({.error = &error, .never_began = &error});
}

}  // namespace parley::runtime
