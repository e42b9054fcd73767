#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "async/executor.h"
#include "io/stream.h"

namespace parley::runtime {

// Makes the object that a session has of its own.
class ObjectFactory {
 public:
  virtual ~ObjectFactory() = default;
  virtual std::shared_ptr<void> make(const io::Peer& peer) = 0;  // null: none for this peer
};

// The objects that factories made for one session, by factory. Owned by the session; when that has ended they die,
// behind the frames of the handlers that run on them, the youngest first.
class SessionObjects final : public Mortal {
 public:
  ~SessionObjects() override {
    while (!objects_.empty()) objects_.pop_back();
  }
  void* find(const ObjectFactory& factory) const {
    for (const auto& [maker, object] : objects_) {
      if (maker == &factory) return object.get();
    }
    return nullptr;
  }
  void add(const ObjectFactory& factory, std::shared_ptr<void> object) {
    objects_.emplace_back(&factory, std::move(object));
  }

 private:
  std::vector<std::pair<const ObjectFactory*, std::shared_ptr<void>>> objects_;
};

}  // namespace parley::runtime
