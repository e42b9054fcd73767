#include "face/attach.h"

#include "async/wait.h"
#include "runtime/backoff.h"

namespace parley {

// The carrier over the next link of a session, or after a pause over this one, where the peer has ended or refused the
// last carrier alone; null: there will be none.
static Task<std::shared_ptr<Carrier>> over_next_link(runtime::Session& session, std::string id, std::string said_id) {
  if (session.linked().is_set() && !session.is_closed()) co_await Sleep(session.loop(), runtime::Backoff::max);
  co_await session.linked().wait();
  if (session.is_closed()) co_return nullptr;
  co_return session_carrier(session, std::move(id), std::move(said_id));
}

Task<Result<void>> attach(Registry& registry, Session& session, AttachSessionOptions options) {
  runtime::Session& runtime = session.runtime();
  auto carrier = session_carrier(runtime, options.id, options.said_id);
  if (runtime.redials()) {
    options.options.next = [&runtime, hold = session.hold(), id = std::move(options.id),
                            said_id = std::move(options.said_id)] { return over_next_link(runtime, id, said_id); };
  }
  co_return co_await registry.attach(std::move(carrier), std::move(options.options));
}

}  // namespace parley
