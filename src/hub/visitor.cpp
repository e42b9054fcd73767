#include "hub/visitor.h"

#include "runtime/description_service.h"
#include "runtime/method_table.h"

namespace parley::hub {

using wire::roam::Decoder;
using wire::roam::RequestKind;

Visitor::~Visitor() {
  if (session_) session_->drop_caller();
}

void Visitor::start(io::Loop& loop, std::unique_ptr<io::Link> link, const Terms& terms,
                    const runtime::MethodTable& methods) {
  methods_ = &methods;
  session_ = &runtime::Session::start(loop, std::move(link), runtime::Session::Role::acceptor,
                                      {.limits = terms.limits,
                                       .is_hub = true,
                                       .handshake_until = terms.handshake_until,
                                       .farewells = terms.farewells,
                                       .acceptor = {std::shared_ptr<void>(), this},  // which outlives the session
                                       .watch = this},
                                      &methods);
}

Result<void> Visitor::on_open(runtime::Session&, const runtime::ConnectionOpening& opening) {
  return hub_.on_open(*this, opening);
}

// The first call of something that the hub does not serve itself binds the root.
bool Visitor::on_root_message(wire::roam::Kind kind, ByteView body) {
  if (kind == wire::roam::Kind::request) {
    Decoder decoder(body, session_->options().limits);
    std::uint64_t id = 0;
    RequestKind request{};
    std::uint64_t method = 0;
    if (!decoder.request_head(id, request)) return false;
    if (request == RequestKind::call) {
      if (!decoder.method(method) || methods_->find(method) || runtime::is_builtin(method)) return false;
      if (!root_relay_) root_relay_ = hub_.bind_root(*this, method);
    }
  }
  return root_relay_ && root_relay_->on_root_message(kind, body);
}

void Visitor::on_session_over(const Error& why) {
  if (Relay* relay = std::exchange(root_relay_, nullptr)) relay->on_root_over(why);
  hub_.on_session_over(*this, why);
}

}  // namespace parley::hub
