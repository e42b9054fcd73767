#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "async/task.h"
#include "base/intrusive_list.h"
#include "runtime/hold.h"
#include "runtime/session.h"

namespace parley::face {

// What a blocking handle stands for. It is made, used and destroyed on the loop of its session; the handle only knows
// where it is.
struct Keepsake : ListNode {
  virtual ~Keepsake() = default;
};
template <class T>
struct Kept final : Keepsake {
  Kept() = default;
  explicit Kept(T given) : value(std::move(given)) {}
  T value;
};

// What all blocking handles of a session have on its loop: a hold on the session, and what the handles stand for. On
// that loop.
class Desk {
 public:
  explicit Desk(runtime::Session& session) : session_(session), hold_(std::in_place, session) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() { clear(); }

  runtime::Session& session() { return session_; }
  // The connection to a service of that name. It stays open as long as the desk: blocking clients come and go.
  runtime::Connection& to_service(const std::string& name) {
    runtime::Connection& connection = session_.to_service(name);
    if (&connection != &session_.root() && services_.insert(&connection).second) connection.add_client();
    return connection;
  }
  void keep(std::unique_ptr<Keepsake> keepsake) { keepsakes_.push_back(*keepsake.release()); }
  // Out of the desk, to use once more or to drop.
  template <class T>
  static std::unique_ptr<T> take(T* keepsake) {
    return std::unique_ptr<T>(keepsake);
  }

 protected:
  // Handles that are still there find nothing here any more.
  void clear() {
    while (!keepsakes_.empty()) take(&keepsakes_.front());
    for (runtime::Connection* connection : std::exchange(services_, {})) connection->drop_client();
    hold_.reset();
  }

 private:
  runtime::Session& session_;
  std::optional<Hold> hold_;
  std::set<runtime::Connection*> services_;
  IntrusiveList<Keepsake> keepsakes_;
};

// Takes what blocking handles do to the loop of their session, in the order in which it is asked. Shared by all handles
// of the session, which it keeps open.
class BlockingRunner {
 public:
  // Both are called on the loop; dropped where that is gone.
  using Make = std::move_only_function<Task<void>(Desk&)>;
  using Work = std::move_only_function<void(Desk&)>;

  virtual ~BlockingRunner() = default;
  // Waits for the end of the task, which may refer to what lives until this returns. An error, wrong_thread or closed:
  // the task did not come to its end, and is gone.
  virtual Result<void> run(Make make) = 0;
  // Does not wait. From any thread.
  virtual void post(Work work) = 0;
};

}  // namespace parley::face
