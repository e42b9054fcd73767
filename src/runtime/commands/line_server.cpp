#include "runtime/commands/line_server.h"

#include <fmt/format.h>

namespace parley {

LineServer::LineServer(Registry& registry, std::unique_ptr<io::Listener> listener, LineServerOptions options)
    : registry_(registry), options_(std::move(options)), listener_(std::move(listener)), scope_(registry.loop()) {
  listener_->start(static_cast<io::ListenerEvents&>(*this));
}
LineServer::~LineServer() = default;

Result<std::unique_ptr<LineServer>> LineServer::listen(Registry& registry, std::string_view uri,
                                                       LineServerOptions options) {
  PARLEY_TRY(auto listener, registry.loop().listen(uri));
  return std::make_unique<LineServer>(registry, std::move(listener), std::move(options));
}

void LineServer::on_stream(std::unique_ptr<io::Stream> stream) {
  if (scope_.size() >= options_.carriers_max) {
    ++refused_;
    return;
  }
  LineCarrierOptions options{.id = fmt::format("{}-{}", address(), ++last_)};
  options.limits = options_.limits;
  scope_.spawn(serve(*this, LineCarrier::make(registry_.loop(), std::move(stream), std::move(options))));
}

Task<void> LineServer::serve(LineServer& server, std::shared_ptr<LineCarrier> carrier) {
  // Dropped with the server, it detaches.
  struct Attached {
    ~Attached() { registry.detach(id); }
    Registry& registry;
    const std::string id;
  };
  auto decided = server.options_.decide ? server.options_.decide(carrier->peer()) : AttachOptions();
  if (!decided) {
    ++server.refused_;
    co_return;
  }
  const Attached attached{server.registry_, carrier->id()};
  if (!co_await server.registry_.attach(std::move(carrier), *std::move(decided))) co_return;
  co_await server.registry_.detached(attached.id);
}

Task<Result<std::shared_ptr<Carrier>>> dial_lines(io::Loop& loop, std::string uri, LineCarrierOptions options) {
  auto dialer = loop.dialer(uri);
  if (!dialer) co_return fail(std::move(dialer).error());
  auto stream = co_await (*dialer)->dial();
  if (!stream) co_return fail(std::move(stream).error());
  co_return LineCarrier::make(loop, *std::move(stream), std::move(options));
}

}  // namespace parley
