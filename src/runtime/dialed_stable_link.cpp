#include "runtime/dialed_stable_link.h"

#include <algorithm>

#include "async/wait.h"
#include "wire/frame.h"

namespace parley::runtime {

namespace stable = wire::roam::stable;

DialedStableLink::DialedStableLink(io::Loop& loop, std::unique_ptr<io::Dialer> dialer,
                                   std::unique_ptr<io::Stream> first, const Limits& limits, FirstNumbers first_numbers)
    : StableLink(loop, limits, first->peer(), first_numbers),
      limits_(limits),
      dialer_(std::move(dialer)),
      first_(std::move(first)),
      scope_(loop.executor()) {}

void DialedStableLink::greet(std::unique_ptr<io::Stream> stream) {
  take(std::make_unique<FramedLink>(loop(), std::move(stream), limits_));
  const auto hello = stable::encode(stable::ClientHello{key_, last_received()});
  std::uint8_t* const cursor = wire::begin_frame(below().out(), hello.size());
  wire::end_frame(below().out(), std::ranges::copy(hello, cursor).out);
  below().flush();
  loop().executor().arm(silence_, loop().now() + limits_.handshake_max);
}

bool DialedStableLink::on_hello(ByteView message) {
  silence_.disarm();
  const Result<stable::ServerHello> hello = stable::read_server_hello(message);
  if (!hello && key_) {
    lose_link();  // somebody else answers; whom we know may be there later
    return false;
  }
  if (!hello) {
    end(hello.error());
  } else if (hello->is_rejected) {
    end(key_ ? Error{Code::link_lost, "the peer does not know the session: it was started anew, or waited for too long"}
             : Error{Code::rejected, "the peer begins no stable session"});
  } else if (const Result<ByteView> missing = this->missing(hello->last_received); !missing) {
    end(missing.error());
  } else {
    key_ = hello->key;
    joined_ = loop().now();
    backoff_.reset();
    go_on(*missing);
  }
  return !has_ended();
}

void DialedStableLink::on_away() {
  silence_.disarm();
  if (!key_) return end({Code::link_lost, "before the peer answered the hello of a stable session"});
  if (loop().now() - joined_ > Backoff::max) hurries_ = 0;
  if (scope_.size() == 0) scope_.spawn(dial());
}

// A peer that leaves out what it says without a link is dialed at once: the longer it has none, the more that is. One
// that makes a habit of it is not.
Task<void> DialedStableLink::dial() {
  bool at_once = misses_messages() && hurries_ < hurries_max;
  if (at_once) ++hurries_;
  for (;; at_once = false) {
    co_await Sleep(loop().executor(), at_once ? Duration() : backoff_.next(loop().random()));
    if (has_ended()) co_return;
    if (auto stream = co_await dialer_->dial(); stream && !has_ended()) {
      greet(std::move(*stream));
      co_return;
    }
  }
}

}  // namespace parley::runtime
