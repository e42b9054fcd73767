#include "face/introduction.h"

#include <fmt/format.h>

#include "face/introductions.h"
#include "runtime/builtin.h"
#include "runtime/framed_link.h"

namespace parley {

Task<Result<std::unique_ptr<Session>>> introduce(Session& hub, std::string name, Options options) {
  runtime::Session& session = hub.runtime();
  const Hold hold(session);
  io::Loop& loop = session.loop();
  if (!session.machine().is_peer_hub()) {
    co_return fail(Code::unsupported, fmt::format("{} is no hub, and knows nobody", session.peer().address));
  }
  auto directory = Client<builtin::Directory>(session.to_service(builtin::directory_name));
  builtin::Introduction provider = co_await co_await directory.call<&builtin::Directory::introduce>(std::move(name));
  Descriptor socket = co_await session.claim_descriptor(provider.descriptor);
  std::unique_ptr<io::Stream> stream = co_await co_await face::stream_over(loop, std::move(socket));
  auto link = std::make_unique<runtime::FramedLink>(loop, std::move(stream), options.limits);
  options.offer = false;
  options.token.clear();
  co_return co_await Session::open(loop, std::move(link), std::move(options), face::peer_of(std::move(provider)));
}

}  // namespace parley
