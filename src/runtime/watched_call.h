#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/executor.h"
#include "base/limits.h"
#include "io/stream.h"
#include "runtime/call_options.h"
#include "runtime/interceptor.h"

namespace parley::runtime {

// One call that interceptors watch, from before() to after(). Owned by the call, or by the connection that serves it;
// when that is over it owns itself until the executor destroys it, and tells the interceptors then: nothing of the call
// is on the stack any more.
class WatchedCall final : public Mortal {
 public:
  struct About {
    CallView::Side side = CallView::Side::caller;
    std::uint64_t method = 0;
    std::string_view service = {};
    std::string_view name = {};
    std::size_t argument_bytes = 0;
  };
  WatchedCall(io::Loop& loop, const io::Peer& peer, const Limits& limits, const Interceptors& interceptors,
              const About& about, CallOptions options);
  ~WatchedCall() override;

  // With the metadata as the interceptors left it.
  const CallOptions& options() const { return options_; }
  // Asks them. An error: one did not let the call pass, and those before it are told so by this object's end.
  Result<void> before();
  // The call is over.
  static void end(std::unique_ptr<WatchedCall> call, CallOutcome outcome);
  static void end(std::unique_ptr<WatchedCall> call, const Error& error);

 private:
  struct Seen {
    std::shared_ptr<Interceptor> by;
    CallView view;
  };
  io::Loop& loop_;
  const io::Peer peer_;  // the session may be gone before this
  const Limits limits_;
  const std::string service_;
  const std::string name_;
  CallOptions options_;
  std::vector<Seen> seen_;
  std::size_t asked_ = 0;  // of these, how many let it pass
  CallOutcome outcome_;
};

}  // namespace parley::runtime
