#include "face/session_options.h"

#include "codec/postcard.h"
#include "runtime/inbound_call.h"

namespace parley::face {

namespace {

class Accepting final : public runtime::ConnectionAcceptor {
 public:
  explicit Accepting(ConnectionHandler handler) : handler_(std::move(handler)) {}

 private:
  Result<void> on_open(runtime::Session& session, const runtime::ConnectionOpening& opening) override {
    ConnectionRequest request(session, opening);
    const Result<void> decided = runtime::behind_barrier(session.root(), [&] { return handler_(request); });
    if (session.has_ended()) return {};
    if (!request.accepted()) return decided ? session.serve(opening) : decided;
    if (!decided) request.accepted()->close(session.root().describe(decided.error()));
    return {};
  }

  ConnectionHandler handler_;
};

}  // namespace

runtime::SessionOptions session_options(const Options& options) {
  Metadata metadata = options.metadata;
  if (!options.token.empty()) {
    metadata.add(std::string(wire::roam::names::token), options.token, Metadata::sensitive);
  }
  if (options.offer && options.services) {
    metadata.add(std::string(wire::roam::names::offers), codec::to_postcard(options.services->offers()));
  }
  return {.limits = options.limits,
          .is_foreign = options.foreign,
          .requests_max = options.concurrent_requests_max,
          .lenient = options.lenient,
          .metadata = std::move(metadata),
          .acceptor = options.on_connection ? std::make_shared<Accepting>(options.on_connection) : nullptr,
          .interceptors = options.interceptors};
}

}  // namespace parley::face
