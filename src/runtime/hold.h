#pragma once

#include <utility>

#include "runtime/session.h"

namespace parley {

// Keeps a session open like its handle does, and does nothing else. Cheap to copy; on the session's loop, dies before
// that.
class Hold {
 public:
  explicit Hold(runtime::Session& session) : session_(&session) { session_->add_caller(); }
  Hold(const Hold& other) : Hold(*other.session_) {}
  Hold& operator=(const Hold& other) {
    Hold copy(other);
    std::swap(session_, copy.session_);
    return *this;
  }
  ~Hold() { session_->drop_caller(); }

 private:
  runtime::Session* session_;
};

}  // namespace parley
