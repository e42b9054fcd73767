#include "face/introductions.h"

#include <fmt/format.h>

#include <algorithm>

#include "face/accepted_session.h"
#include "runtime/dispatch.h"
#include "runtime/framed_link.h"

namespace parley::face {

namespace {

constexpr std::size_t sessions_in_all_max = 256;
constexpr std::size_t sessions_of_a_client_max = 16;

// One of those that a client has.
class Place {
 public:
  Place(std::map<std::uint64_t, std::size_t>& by_client, std::uint64_t client)
      : by_client_(by_client), client_(client) {
    ++by_client_[client_];
  }
  ~Place() {
    if (--by_client_[client_] == 0) by_client_.erase(client_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::map<std::uint64_t, std::size_t>& by_client_;
  const std::uint64_t client_;
};

}  // namespace

Task<Result<std::unique_ptr<io::Stream>>> stream_over(io::Loop& loop, io::Descriptor socket) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer(fmt::format("fd:{}", socket.number()));
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  socket.release();
  co_return std::move(stream);
}

io::Peer peer_of(builtin::Introduction other) {
  io::Peer peer{.address = std::move(other.address)};
  if (other.pid && other.uid && other.gid) {
    peer.credentials = io::Peer::Credentials{.pid = *other.pid, .uid = *other.uid, .gid = *other.gid};
  }
  return peer;
}

Introductions::Introductions(io::Loop& loop, const Limits& limits, const Services& services)
    : loop_(loop), limits_(limits), services_(services), scope_(loop.executor()) {
  runtime::add_service<builtin::Introductions>(methods_, *this).value();
}

void Introductions::close() {
  is_closed_ = true;
  scope_.cancel_all();
}

Task<Result<void>> Introductions::meet(Context& context, builtin::Introduction client) {
  io::Descriptor socket = co_await context.claim_descriptor(client.descriptor);
  if (!context.session().machine().is_peer_hub()) co_return fail(Code::refused, "only a hub introduces somebody");
  const runtime::MethodTable* const methods = services_.table().named(client.name);
  if (!methods) co_return fail(Code::not_found, fmt::format("no service \"{}\" here", client.name));
  if (is_closed_) co_return fail(Code::closed, "the provider");
  co_await check_room(client.session);
  std::unique_ptr<io::Stream> stream = co_await co_await stream_over(loop_, std::move(socket));
  scope_.spawn(keep(std::move(stream), std::move(client), *methods));
  co_return Result<void>();
}

Result<void> Introductions::check_room(std::uint64_t client) const {
  const auto found = by_client_.find(client);
  if (found != by_client_.end() && found->second >= sessions_of_a_client_max) {
    return fail(Code::overloaded, fmt::format("this client was introduced {} times", found->second));
  }
  if (scope_.size() < std::min<std::size_t>(limits_.sessions_max, sessions_in_all_max)) return {};
  return fail(Code::overloaded, fmt::format("{} clients were introduced to this provider", scope_.size()));
}

Task<void> Introductions::keep(std::unique_ptr<io::Stream> stream, builtin::Introduction client,
                               const runtime::MethodTable& methods) {
  const Place place(by_client_, client.session);
  auto link = std::make_unique<runtime::FramedLink>(loop_, std::move(stream), limits_);
  AcceptedSession session(runtime::Session::start(loop_, std::move(link), runtime::Session::Role::acceptor,
                                                  {.limits = limits_, .peer = peer_of(std::move(client))}, &methods));
  co_await session.runtime().ended().wait();
}

}  // namespace parley::face
