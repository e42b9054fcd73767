#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "base/limits.h"
#include "io/loop.h"
#include "wire/roam/metadata.h"

namespace parley {

namespace runtime {
class WatchedCall;
}

// What an interceptor keeps of a call between its before() and its after().
class CallNotes {
 public:
  virtual ~CallNotes() = default;
};

// A call as interceptors see it, at the end that makes it or at the one that handles it.
struct CallView {
  enum class Side : std::uint8_t { caller, handler };

  Side side;
  std::uint64_t method;      // its id
  std::string_view service;  // its class, and the method's name; empty where this end knows the id alone
  std::string_view name;
  const io::Peer& peer;        // who is at the other end of the session, a hub that is between them for one
  Metadata& metadata;          // of a caller: what will travel; of a handler: what it will see. before() may change it
  const Limits& limits;        // of the session
  std::size_t argument_bytes;  // as they travel
  Instant began;               // by the loop's clock
  io::Loop& loop;
  std::unique_ptr<CallNotes> notes = nullptr;  // of this interceptor alone; before() may leave some
};

// How a call ended.
struct CallOutcome {
  enum class How : std::uint8_t {
    value,
    own_error,  // of the method
    error,      // of Parley
  };

  How how = How::error;
  std::optional<Error> error;    // where it is one of Parley's
  std::size_t result_bytes = 0;  // of the value or the own error, as they travel
  Metadata metadata;             // beside the response, where there is one
  Duration took{};               // by the loop's clock
};

// Sees every call of the ends that it is set at (Options::interceptors for the calls that a session makes,
// Services::intercept() for those that are served) before and after it happens. Several see a call in their order, and
// its end the other way round. Used on the threads of the loops that have it, one or several. Metadata has what is
// marked sensitive as well: nothing of that belongs into a log.
class Interceptor {
 public:
  virtual ~Interceptor() = default;
  // Before it is sent, or before the handler starts. An error ends the call with it, here and at the caller; what is
  // thrown does so as `bug`. The interceptors behind do not see such a call. It may do what a handler may do at once.
  virtual Result<void> before(CallView& call) {
    static_cast<void>(call);
    return {};
  }
  // Once for each before() that let the call pass, when it is over: answered, failed, refused by an interceptor behind,
  // or dropped. Whoever awaits the call goes on afterwards. What is thrown goes nowhere.
  virtual void after(const CallView& call, const CallOutcome& outcome) {
    static_cast<void>(call);
    static_cast<void>(outcome);
  }
  // How often it threw.
  std::uint64_t threw() const { return threw_.load(std::memory_order_relaxed); }

 private:
  friend class runtime::WatchedCall;
  std::atomic<std::uint64_t> threw_ = 0;
};

using Interceptors = std::vector<std::shared_ptr<Interceptor>>;

}  // namespace parley
