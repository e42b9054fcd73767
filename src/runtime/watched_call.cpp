#include "runtime/watched_call.h"

#include <exception>
#include <utility>

namespace parley::runtime {

WatchedCall::WatchedCall(io::Loop& loop, const io::Peer& peer, const Limits& limits, const Interceptors& interceptors,
                         const About& about, CallOptions options)
    : loop_(loop),
      peer_(peer),
      limits_(limits),
      service_(about.service),
      name_(about.name),
      options_(std::move(options)) {
  const Instant now = loop.clock().now();
  seen_.reserve(interceptors.size());
  for (const std::shared_ptr<Interceptor>& each : interceptors) {
    if (!each) continue;
    seen_.push_back({each, CallView{.side = about.side,
                                    .method = about.method,
                                    .service = service_,
                                    .name = name_,
                                    .peer = peer_,
                                    .metadata = options_.metadata,
                                    .limits = limits_,
                                    .argument_bytes = about.argument_bytes,
                                    .began = now,
                                    .loop = loop}});
  }
}

WatchedCall::~WatchedCall() {
  outcome_.took = loop_.clock().now() - (seen_.empty() ? Instant() : seen_.front().view.began);
  while (asked_ != 0) {
    Seen& seen = seen_[--asked_];
    try {
      seen.by->after(seen.view, outcome_);
    } catch (...) {
      seen.by->threw_.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

Result<void> WatchedCall::before() {
  for (Seen& seen : seen_) {
    Result<void> may;
    try {
      may = seen.by->before(seen.view);
    } catch (const std::exception& exception) {
      seen.by->threw_.fetch_add(1, std::memory_order_relaxed);
      may = fail(Code::bug, std::string("an interceptor threw: ") + exception.what());
    } catch (...) {
      seen.by->threw_.fetch_add(1, std::memory_order_relaxed);
      may = fail(Code::bug, "an interceptor threw something that is no std::exception");
    }
    if (!may) return may;
    ++asked_;
  }
  return {};
}

void WatchedCall::end(std::unique_ptr<WatchedCall> call, CallOutcome outcome) {
  call->outcome_ = std::move(outcome);
  Executor& executor = call->loop_.executor();
  executor.bury(std::move(call));
}

void WatchedCall::end(std::unique_ptr<WatchedCall> call, const Error& error) {
  end(std::move(call), CallOutcome{.how = CallOutcome::How::error, .error = error});
}

}  // namespace parley::runtime
