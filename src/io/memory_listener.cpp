#include "io/memory_listener.h"

#include <utility>

namespace parley::io {

Result<std::unique_ptr<Listener>> MemoryListener::listen(Loop& loop, std::string name, MemoryOptions options) {
  if (loop.memory_names().contains(name)) {
    return fail(Code::in_use, "mem:" + name + " has a listener on this loop");
  }
  // tidy: allow new the constructor is private
  return std::unique_ptr<Listener>(new MemoryListener(loop, std::move(name), options));
}

MemoryListener::MemoryListener(Loop& loop, std::string name, MemoryOptions options)
    : loop_(loop),
      name_(std::move(name)),
      address_("mem:" + name_),
      options_(options),
      ready_([](Ready& node) { static_cast<Report&>(node).listener.report(); }, *this) {
  loop_.memory_names().emplace(name_, this);
}

MemoryListener::~MemoryListener() {
  if (is_destroyed_) *is_destroyed_ = true;
  loop_.memory_names().erase(name_);
}

void MemoryListener::start(ListenerEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a listener is started once");
  events_ = &events;
  if (!waiting_.empty()) loop_.executor().post(ready_);
}

Result<std::unique_ptr<Stream>> MemoryListener::connect(std::optional<Peer::Credentials> dialer) {
  if (waiting_.size() >= waiting_max) {
    return fail(Code::overloaded, address_ + ": " + std::to_string(waiting_max) + " streams wait to be accepted");
  }
  MemoryOptions options = options_;
  options.first = dialer;
  MemoryStream::Pair pair = MemoryStream::make_pair(loop_, address_, options);
  waiting_.push_back(std::move(pair.second));
  if (events_ && !ready_.is_linked()) loop_.executor().post(ready_);
  return std::move(pair.first);
}

void MemoryListener::report() {
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  auto streams = std::exchange(waiting_, {});
  for (auto& stream : streams) {
    events_->on_stream(std::move(stream));
    if (is_destroyed) return;
  }
  is_destroyed_ = nullptr;
}

Task<Result<std::unique_ptr<Stream>>> MemoryDialer::dial() {
  const auto found = loop_.memory_names().find(name_);
  if (found == loop_.memory_names().end()) co_return fail(Code::address, "nothing listens at " + address_);
  co_return found->second->connect(as_);
}

}  // namespace parley::io
