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

  // The object is shared by all sessions and outlives the server; see Services::serve().
  template <class S>
  Result<void> serve(std::string name, S& object) {
    return services().serve<S>(std::move(name), object);
  }
  // Told of each new session, which is the server's: a hold or a client keeps it open beyond its peer's interest.
  void on_session(std::move_only_function<void(Session&)> handler);

  // Where it listens, with what the system chose filled in.
  const std::string& address() const;
  std::size_t session_count() const;
  // Stops listening and closes all sessions. Idempotent.
  void close();

 private:
  friend Result<Server> listen(io::Loop& loop, std::string uri, Options options);
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  Services& services();
  std::unique_ptr<Impl> impl_;
};

// Errors: uri, in_use, permission, address. What is served is said afterwards, before the loop turns.
Result<Server> listen(io::Loop& loop, std::string uri, Options options = {});

}  // namespace parley
