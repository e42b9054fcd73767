#include "runtime/raw.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/method_table.h"
#include "runtime/session.h"

namespace parley {

namespace {

// Small ones are copied, so that they pin no block that is many times their size.
Bytes keep(ByteView bytes, Block* block) {
  static constexpr std::size_t pinned_per_byte_max = 16;
  if (!block || bytes.size() < block->capacity() / pinned_per_byte_max) return Bytes::copy_of(bytes);
  return Bytes::view_into(block, bytes);
}

}  // namespace

std::pair<RawTx, RawRx> raw_channel(std::uint32_t initial_credit) {
  auto sending = std::make_unique<runtime::SendingCore>();
  auto receiving = std::make_unique<runtime::ReceivingCore>();
  sending->join(*receiving);
  std::pair<RawTx, RawRx> ends{RawTx(initial_credit), RawRx(initial_credit)};
  ends.first.adopt(std::move(sending));
  ends.second.adopt(std::move(receiving));
  return ends;
}

// --- calls

RawCall RawCall::start(runtime::Session& session, std::uint64_t method, ByteView arguments,
                       std::vector<RawChannel> channels, const CallOptions& options) {
  return start(session.root(), method, arguments, std::move(channels), options);
}

RawCall RawCall::start(runtime::Connection& connection, std::uint64_t method, ByteView arguments,
                       std::vector<RawChannel> channels, const CallOptions& options) {
  RawCall call;
  if (channels.size() > runtime::CallStart::channels_max) {
    call.finish_with({Code::invalid, fmt::format("more than {} channels", runtime::CallStart::channels_max)});
    return call;
  }
  const bool says_something = options.deadline || !options.metadata.empty() || options.idempotent;
  const CallOptions* said = says_something ? &options : nullptr;
  runtime::CallStart start(connection, call);
  if (connection.interceptors()) {
    said = start.intercept({.method = method, .argument_bytes = arguments.size()}, said);
    if (!said) return call;
  }
  if (!start.begin(said)) return call;
  start.put_method(method);
  for (RawChannel& channel : channels) {
    std::visit([&](auto& handle) { start.bind(handle.core(), handle.initial_credit()); }, channel);
  }
  if (channels.empty()) {
    start.put_no_channels();
  } else {
    start.put_channels();
  }
  start.put_metadata(said);
  codec::Writer writer(start.out(), start.cursor);
  writer.put_raw(arguments);
  start.end(writer);
  return call;
}

Result<RawResponse> RawCall::await_resume() {
  PARLEY_ASSERT(result_.has_value(), "a call is awaited once");
  return std::move(*result_);
}

const Error* RawCall::complete(PendingCall& call, const runtime::Completion& completion) {
  auto& self = static_cast<RawCall&>(call);
  if (completion.error) {
    self.result_.emplace(std::unexpect, *completion.error);
    return completion.error;
  }
  self.metadata_ = completion.metadata.to_metadata();
  const ByteView result = completion.result;
  const bool is_value = !result.empty() && result[0] == 0;
  const bool is_own_error = result.size() >= 2 && result[0] == 1 && result[1] == 0;
  if (is_value || is_own_error) {
    const ByteView payload = result.subspan(is_value ? 1 : 2);
    self.result_ = RawResponse{is_own_error, keep(payload, completion.block), self.metadata_};
  } else if (result.size() == 2 && result[0] == 1) {
    self.result_.emplace(std::unexpect, runtime::Connection::error_of(completion));
  } else {
    ++completion.connection->counters().results_malformed;
    self.result_.emplace(std::unexpect, Error{Code::response, "neither a value nor an error"});
  }
  return *self.result_ ? nullptr : &self.result_->error();
}

// --- handlers

std::optional<std::uint64_t> RawRequest::bind(std::size_t index, runtime::ChannelCore& core) {
  PARLEY_ASSERT(connection_ != nullptr, "channels of a call are bound before the handler first waits");
  if (index >= channels_.size()) {
    refusal_ = Error{Code::arguments,
                     fmt::format("the method has a channel {}, and the call lists {}", index + 1, channels_.size())};
    core.end_with(*refusal_);
    return std::nullopt;
  }
  PARLEY_ASSERT(!channels_[index].is_bound, "a channel of a call is bound once", index);
  channels_[index].is_bound = true;
  return channels_[index].id;
}

std::optional<Error> RawRequest::fault() const {
  if (refusal_) return refusal_;
  const auto first = std::ranges::find(channels_, false, &Listed::is_bound);
  if (first == channels_.end()) return std::nullopt;
  return Error{Code::bug, fmt::format("the handler left channel {} of {} unbound", first - channels_.begin() + 1,
                                      channels_.size())};
}

RawTx RawRequest::as_sender(std::size_t index, std::uint32_t initial_credit) {
  RawTx handle(initial_credit);
  handle.adopt(std::make_unique<runtime::SendingCore>());
  const std::optional<std::uint64_t> id = bind(index, handle.core());
  if (!id) return handle;
  if (connection_->is_open() && !connection_->may_send_with(initial_credit)) {
    refusal_ = connection_->unsupported_credit(initial_credit);
    handle.core().end_with(*refusal_);
    return handle;
  }
  handle.core().attach_or_end(*connection_, *id, initial_credit);
  return handle;
}

RawRx RawRequest::as_receiver(std::size_t index, std::uint32_t initial_credit) {
  RawRx handle(initial_credit);
  handle.adopt(std::make_unique<runtime::ReceivingCore>());
  if (const auto id = bind(index, handle.core())) handle.core().attach_or_end(*connection_, *id, initial_credit);
  return handle;
}

namespace runtime {

// A call for a raw handler, from its arrival to its response.
class RawInbound final : public InboundCall {
 public:
  static void start(Connection& connection, const MethodEntry& entry, const InboundHead& head) {
    if (!admit(connection, head)) return;
    InboundHead unpinned = head;
    const BlockHandle own = unpin(connection, unpinned);
    // tidy: allow new the constructor is private
    std::unique_ptr<RawInbound> owner(new RawInbound(connection, entry.id, unpinned));
    auto& handler = *static_cast<RawHandler*>(entry.object);
    try {
      owner->task_.emplace(handler.handle(owner->request_));
    } catch (...) {
      const Error error = error_of_throw(connection, std::current_exception());
      if (connection.is_open()) owner->respond_with_error(connection, error);
      return;
    }
    Task<Result<RawResponse>>& task = *owner->task_;
    task.bind(connection.executor());
    const bool is_done = task.start();
    owner->request_.connection_ = nullptr;
    const std::optional<Error> fault = owner->request_.fault();
    if (!is_done && connection.is_open() && fault) {
      owner->respond_with_error(connection, *fault);
      owner.release()->stop(*fault, {});
    } else if (!is_done) {
      keep(std::move(owner), task);
    } else if (connection.is_open()) {
      owner->respond(connection);
    }
  }

 private:
  RawInbound(Connection& connection, std::uint64_t method, const InboundHead& head) : InboundCall(connection, head) {
    fill(request_.context_, head);
    request_.connection_ = &connection;
    request_.method_ = method;
    request_.arguments_ = head.block ? Bytes::view_into(head.block, head.arguments) : Bytes::copy_of(head.arguments);
    for (wire::roam::ChannelList::Cursor ids(head.channels); ids.any();) request_.channels_.push_back({ids.next()});
  }

  std::unique_ptr<Cleanup> take_cleanup() override { return InboundCall::take_cleanup(request_.context_, task_); }

  void respond(Connection& connection) override {
    Error error;
    try {
      const Result<RawResponse> answer = task_->promise().take();
      if (!answer) {
        error = answer.error();
      } else if (std::optional<Error> fault = request_.fault()) {
        error = std::move(*fault);
      } else {
        respond_with(connection, *answer);
        return;
      }
    } catch (...) {
      error = error_of_throw(connection, std::current_exception());
    }
    respond_with_error(connection, error);
  }

  void respond_with(Connection& connection, const RawResponse& answer) {
    if (!answer.metadata.empty() && !check_reply(connection, id(), answer.metadata)) return;
    std::uint8_t* cursor = connection.begin_response(id(), &answer.metadata);
    *cursor++ = answer.is_own_error ? 1 : 0;
    if (answer.is_own_error) *cursor++ = static_cast<std::uint8_t>(RoamError::user);
    codec::Writer writer(connection.out(), cursor);
    writer.put_raw(answer.payload.view());
    if (connection.fits(writer.cursor())) {
      connection.end_response(id(), writer.cursor());
    } else {
      respond_unfit(connection, id(), codec::Fault::none);
    }
  }

  // The first two kinds also say that nobody took the channels of the call.
  void respond_with_error(Connection& connection, const Error& error) {
    RoamError kind = request_.fault() ? RoamError::invalid_payload : RoamError::cancelled;
    if (error.code == Code::method) kind = RoamError::unknown_method;
    if (error.code == Code::arguments) kind = RoamError::invalid_payload;
    connection.respond_with_error(id(), kind, &error);
  }

  RawRequest request_;
  std::optional<Task<Result<RawResponse>>> task_;
};

Result<void> set_rest(MethodTable& table, RawHandler& handler) {
  return table.set_rest({.id = 0, .start = &RawInbound::start, .object = &handler, .service = {}, .name = {}});
}

}  // namespace runtime

}  // namespace parley
