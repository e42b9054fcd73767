#pragma once

#include "face/session.h"

namespace parley::face {

// A session that was accepted here: it ends with this, whatever else holds it.
class AcceptedSession final : public Session {
 public:
  using Session::Session;
  ~AcceptedSession() { close(); }
};

}  // namespace parley::face
