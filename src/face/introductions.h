#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "async/scope.h"
#include "base/limits.h"
#include "io/loop.h"
#include "runtime/builtin.h"
#include "runtime/services.h"

namespace parley::face {

// The stream over a connected socket that came from another process.
Task<Result<std::unique_ptr<io::Stream>>> stream_over(io::Loop& loop, io::Descriptor socket);
io::Peer peer_of(builtin::Introduction other);

// The sessions of a provider with clients to which its hub introduced it. Each reaches the service that it asked the
// hub for, and no other. On one loop; shared by the session with the hub, which may be told of clients until it is
// gone.
class Introductions final : public builtin::Introductions {
 public:
  // The services outlive the loop, as what is served does.
  Introductions(io::Loop& loop, const Limits& limits, const Services& services);

  const runtime::MethodTable& methods() const { return methods_; }
  // Ends the sessions, and takes no more. Idempotent.
  void close();
  Task<Result<void>> meet(Context& context, builtin::Introduction client) override;

 private:
  Result<void> check_room(std::uint64_t client) const;
  Task<void> keep(std::unique_ptr<io::Stream> stream, builtin::Introduction client,
                  const runtime::MethodTable& methods);

  io::Loop& loop_;
  const Limits limits_;
  const Services& services_;
  runtime::MethodTable methods_;
  std::map<std::uint64_t, std::size_t> by_client_;  // by its session at the hub
  bool is_closed_ = false;
  Scope scope_;
};

}  // namespace parley::face
