#include "face/session.h"

#include "runtime/framed_link.h"

namespace parley {

namespace {

runtime::SessionOptions runtime_options(const Options& options) {
  return {.limits = options.limits,
          .is_foreign = options.foreign,
          .requests_max = options.concurrent_requests_max,
          .metadata = options.metadata};
}

}  // namespace

Task<Result<void>> Session::closed() {
  runtime::Session& session = session_;
  const Hold hold(session);
  co_await session.ended().wait();
  if (session.end_reason()) co_return fail(*session.end_reason());
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Session>>> open_session(io::Loop& loop, std::unique_ptr<io::Link> link, Options options) {
  const runtime::MethodTable* methods = options.services ? &options.services->table() : nullptr;
  auto session = std::make_unique<Session>(runtime::Session::start(
      loop, std::move(link), runtime::Session::Role::initiator, runtime_options(options), methods));
  runtime::Session& runtime = session->runtime();
  co_await runtime.established().wait();
  if (!runtime.has_ended()) co_return std::move(session);
  co_return fail(runtime.end_reason().value_or(Error{Code::link_lost, "during the handshake"}));
}

Task<Result<std::unique_ptr<Session>>> connect(io::Loop& loop, std::string uri, Options options) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer(uri);
  std::unique_ptr<io::Stream> stream = co_await co_await dialer->dial();
  auto link = std::make_unique<runtime::FramedLink>(loop, std::move(stream), options.limits);
  co_return co_await open_session(loop, std::move(link), std::move(options));
}

}  // namespace parley
