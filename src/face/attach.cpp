#include "face/attach.h"

namespace parley {

Task<Result<void>> attach(Registry& registry, Session& session, AttachSessionOptions options) {
  auto carrier = session_carrier(session.runtime(), std::move(options.id), std::move(options.said_id));
  co_return co_await registry.attach(std::move(carrier), std::move(options.options));
}

}  // namespace parley
