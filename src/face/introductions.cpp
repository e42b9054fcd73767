#include "face/introductions.h"

#include <fmt/format.h>

#include "face/accepted_session.h"
#include "runtime/dispatch.h"
#include "runtime/framed_link.h"

namespace parley::face {

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
  if (scope_.size() >= limits_.sessions_max) {
    co_return fail(Code::overloaded, fmt::format("{} clients were introduced to this provider", scope_.size()));
  }
  std::unique_ptr<io::Stream> stream = co_await co_await stream_over(loop_, std::move(socket));
  scope_.spawn(keep(std::move(stream), peer_of(std::move(client)), *methods));
  co_return Result<void>();
}

Task<void> Introductions::keep(std::unique_ptr<io::Stream> stream, io::Peer client,
                               const runtime::MethodTable& methods) {
  auto link = std::make_unique<runtime::FramedLink>(loop_, std::move(stream), limits_);
  AcceptedSession session(runtime::Session::start(loop_, std::move(link), runtime::Session::Role::acceptor,
                                                  {.limits = limits_, .peer = std::move(client)}, &methods));
  co_await session.runtime().ended().wait();
}

}  // namespace parley::face
