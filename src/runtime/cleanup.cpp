#include "runtime/cleanup.h"

#include "runtime/session.h"

namespace parley::runtime {

void Cleanup::start(Session& session, Error why, Metadata metadata) {
  session_ = &session;
  why_ = std::move(why);
  metadata_ = std::move(metadata);
  session.loop().executor().post(start_);
}

void Cleanup::Start::run(Ready& node) {
  Cleanup& cleanup = static_cast<Start&>(node).cleanup;
  if (!cleanup.run()) cleanup.session_->end_cleanup(cleanup);
}

void Cleanup::Ended::run(Ready& node) {
  Cleanup& cleanup = static_cast<Ended&>(node).cleanup;
  cleanup.count_throw();
  cleanup.session_->end_cleanup(cleanup);
}

bool Cleanup::run() {
  ++session_->counters().cleanups_started;
  try {
    task_ = work_(std::move(why_), std::move(metadata_));
  } catch (...) {
    ++session_->counters().cleanups_threw;
    return false;
  }
  if (!task_) return false;
  task_->bind(session_->loop().executor());
  if (task_->start()) {
    count_throw();
    return false;
  }
  task_->promise().set_continuation(ended_);
  return true;
}

// There is nobody to hand an exception to: the call has been answered.
void Cleanup::count_throw() {
  if (task_->promise().outcome() == async::Outcome::threw) ++session_->counters().cleanups_threw;
}

}  // namespace parley::runtime
