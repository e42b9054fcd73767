#include "runtime/channel_core.h"

#include <fmt/format.h>

#include "runtime/session.h"

namespace parley::runtime {

ChannelCore::~ChannelCore() { PARLEY_ASSERT(connection_ == nullptr); }

const Metadata& ChannelCore::end_metadata() const {
  static const Metadata none;
  return end_metadata_ ? *end_metadata_ : none;
}

void ChannelCore::set_end_metadata(const wire::roam::MetadataView& metadata) {
  if (!metadata.empty()) end_metadata_ = std::make_unique<Metadata>(metadata.to_metadata());
}

ChannelCore* ChannelCore::take_twin() {
  ChannelCore* twin = std::exchange(twin_, nullptr);
  if (twin) twin->twin_ = nullptr;
  return twin;
}

// For one that was never bound: whoever waits at the other handle is told.
void ChannelCore::leave_twin(TwinEnd how) {
  ChannelCore* twin = take_twin();
  if (!twin) return;
  twin->twin_end_ = how;
  if (how == TwinEnd::dropped) twin->set_failure({Code::dropped, {}});
  twin->wake_and_unbind();
}

void ChannelCore::bind(Connection& connection) {
  connection_ = &connection;
  depth_max_ = connection.depth_max();
  connection.add_caller();
}

void ChannelCore::unbind() {
  leave();
  unannounced_ = nullptr;
  if (connection_) std::exchange(connection_, nullptr)->drop_caller();
}

void ChannelCore::wake_and_unbind() {
  if (is_sender_) {
    static_cast<SendingCore*>(this)->wake_all();
  } else {
    static_cast<ReceivingCore*>(this)->wake();
  }
  unbind();
}

ChannelCore& ChannelCore::of(core::ChannelEnd& end) {
  if (end.is_sender()) return SendingCore::of(static_cast<core::SendingEnd&>(end));
  return ReceivingCore::of(static_cast<core::ReceivingEnd&>(end));
}

// --- sending

SendingCore::~SendingCore() {
  if (end.is_open()) {
    // Not closed by its owner: the reader is to see that this is no clean end.
    Connection& connection = *connection_;
    connection.send_close(*this, connection.describe({Code::dropped, {}}));
  }
  leave_twin(TwinEnd::dropped);
  unbind();
}

void SendingCore::wait(SendWaiter& waiter, async::PromiseBase& promise) {
  waiter.promise_ = &promise;
  waiters_.push_back(waiter);
  if (connection_) connection_->expect_peer();
  if (end.may_send() && !blocked_.is_linked()) connection_->session().wait_for_link(blocked_);
}

void BlockedSender::run(LinkWaiter& waiter) { static_cast<BlockedSender&>(waiter).core.pump(); }

void SendingCore::pump() {
  while (!waiters_.empty() && may_send()) {
    SendWaiter& waiter = waiters_.pop_front();
    waiter.is_sent_ = true;
    waiter.encode_(waiter, *this);
    waiter.promise_->executor().post(*waiter.promise_);
  }
  if (!waiters_.empty() && end.may_send() && !blocked_.is_linked()) {
    connection_->session().wait_for_link(blocked_);
  }
}

void SendingCore::wake_all() {
  blocked_.leave();
  over_.set();
  while (!waiters_.empty()) {
    SendWaiter& waiter = waiters_.pop_front();
    waiter.promise_->executor().post(*waiter.promise_);
  }
}

Error SendingCore::send_error() const {
  if (failure()) return *failure();
  return {Code::closed, "the channel"};
}

Result<void> SendingCore::refuse_item(codec::Fault fault) const {
  if (fault != codec::Fault::none) return fail(Code::invalid, std::string(codec::to_string(fault)));
  return fail(Code::too_large, fmt::format("an item above {} bytes", connection_->limits().frame_bytes_max));
}

void SendingCore::close(const Metadata& metadata) {
  if (end.is_open()) {
    connection_->send_close(*this, metadata);
    unbind();
    wake_all();
  } else if (end.state() == core::ChannelEnd::State::unbound) {
    end_unbound(TwinEnd::closed);
    wake_all();
  }
}

// --- receiving

ReceivingCore::~ReceivingCore() {
  if (end.is_open()) {
    connection_->send_reset(*this, {Code::dropped, {}});
  }
  end.drop_items();
  leave_twin(TwinEnd::dropped);
  unbind();
}

void ReceivingCore::reset(const Metadata& metadata) {
  end.drop_items();
  if (end.is_open()) {
    connection_->send_reset(*this, metadata);
    set_failure({Code::reset, "by this end"});
    unbind();
    wake();
  } else if (end.state() == core::ChannelEnd::State::unbound) {
    set_failure({Code::reset, "by this end"});
    end_unbound(TwinEnd::dropped);
    wake();
  }
}

bool ReceivingCore::take() {
  if (!end.has_item()) return false;
  core::ReceivingEnd::Taken taken = end.take();
  held = std::move(taken.item);
  if (taken.grant != 0 && connection_) connection_->send_grant(*this, taken.grant);
  return true;
}

void ReceivingCore::fail_item(const Error& error) {
  set_failure(error);
  end.drop_items();
  if (!end.is_open()) return;
  ++connection_->counters().items_malformed;
  connection_->send_reset(*this, error);
  unbind();
}

}  // namespace parley::runtime
