#pragma once

#include "base/instant.h"

namespace parley::io {

// Waits for the outside world on behalf of one loop, and then tells the streams and listeners that were made on it.
// The two are apart so that the loop can set the executor's time in between: user code runs inside dispatch().
class Reactor {
 public:
  virtual ~Reactor() = default;
  // Returns when there is something to report, at `until` (never: no limit), or after wake(). A time that has passed
  // only looks. True if dispatch() has something to report. Calls nobody but StreamEvents::on_spin().
  virtual bool wait(Instant until) = 0;
  // Reports what wait() found. What is destroyed by one report gets none after it.
  virtual void dispatch() = 0;
  // Makes the current or the next wait() return. From any thread.
  virtual void wake() = 0;
  // For foreign main loops: a descriptor that is readable when wait() has something to report or the alarm's time has
  // come; -1 if there is none.
  virtual int fd() const = 0;
  virtual void set_alarm(Instant when) = 0;
};

}  // namespace parley::io
