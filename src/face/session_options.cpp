#include "face/session_options.h"

#include <fmt/format.h>

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

Result<runtime::SessionOptions> session_options(const Options& options) {
  Metadata metadata = options.metadata;
  if (!options.token.empty()) {
    metadata.add(std::string(wire::roam::names::token), options.token, Metadata::sensitive);
  }
  if (options.offer && options.services) {
    metadata.add(std::string(wire::roam::names::offers), codec::to_postcard(options.services->offers()));
  }
  const std::string_view unfit = wire::roam::unfit(metadata, options.limits, options.foreign ? 0 : 1);
  if (!unfit.empty()) return fail(Code::invalid, fmt::format("beside the hello: {}", unfit));
  static constexpr std::size_t other_bytes_max = 64;  // of a hello, with our own entry
  const std::size_t bytes = wire::roam::bytes_bound(metadata) + other_bytes_max;
  if (bytes > options.limits.opening_bytes_max) {
    return fail(Code::too_large,
                fmt::format("a hello of {} bytes with its metadata and offers; opening_bytes_max is {}", bytes,
                            options.limits.opening_bytes_max));
  }
  return runtime::SessionOptions{
      .limits = options.limits,
      .is_foreign = options.foreign,
      .requests_max = options.concurrent_requests_max,
      .lenient = options.lenient,
      .metadata = std::move(metadata),
      .acceptor = options.on_connection ? std::make_shared<Accepting>(options.on_connection) : nullptr,
      .interceptors = options.interceptors};
}

}  // namespace parley::face
