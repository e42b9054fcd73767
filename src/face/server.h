#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "face/session.h"

namespace parley {

// Accepts sessions at an address and serves them objects. On one loop, which outlives it; destroying it ends all its
// sessions and stops listening.
class Server {
 public:
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  // The object is shared by all sessions and outlives the loop: the last of its handlers are destroyed with that.
  template <class S>
  Result<void> serve(std::string name, S& object) {
    return services().serve<S>(std::move(name), object);
  }
  // Each session has an object of its own, made by `factory(peer)` at its first call.
  template <class S, class Factory>
    requires std::is_invocable_r_v<std::unique_ptr<S>, Factory&, const io::Peer&>
  Result<void> serve(std::string name, Factory factory) {
    return services().serve<S>(std::move(name), std::move(factory));
  }
  // The handler gets the calls that nothing else here serves, and outlives the server.
  Result<void> serve_rest(RawHandler& handler) { return services().serve_rest(handler); }
  // Sees the calls that the sessions of this server make of it; set before the loop turns. Of those that the server
  // makes on them, Options::interceptors do.
  void intercept(std::shared_ptr<Interceptor> interceptor) { services().intercept(std::move(interceptor)); }
  // Told of each new session, which is the server's and lives until it has ended: a hold or a client keeps it open
  // beyond its peer's interest. The handler may close the server, which ends the sessions behind it, and not destroy
  // it.
  void on_session(std::move_only_function<void(Session&)> handler);

  // Where it listens, with what the system chose filled in.
  const std::string& address() const;
  std::size_t session_count() const;
  // Stops listening and closes all sessions. Idempotent.
  void close();
  // Waits until it listens no more; the error says why, unless it was closed or destroyed. A listener that fails leaves
  // the sessions alone: close() ends them too. Errors: whatever the system says.
  Task<Result<void>> stopped();

 private:
  friend Result<Server> listen(io::Loop& loop, std::string uri, Options options);
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  Services& services();
  std::unique_ptr<Impl> impl_;
};

// Errors: uri, in_use, permission, address; for TLS unsupported (no certificate), not_found and invalid. What is served
// is said afterwards, before the loop turns.
Result<Server> listen(io::Loop& loop, std::string uri, Options options = {});

}  // namespace parley
