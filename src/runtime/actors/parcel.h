#pragma once

#include <type_traits>
#include <utility>

#include "async/frame_pool.h"

namespace parley {
class Actor;
}

namespace parley::runtime {

// What comes to the home of actors, from any thread: a message of a user, or a signal of ours. One node, which is
// never copied.
struct Parcel {
  // Runs on the home's thread.
  using Arrive = void (*)(Parcel&);

  constexpr explicit Parcel(Arrive arrive) : arrive(arrive) {}
  Arrive arrive;
  Parcel* next = nullptr;
  bool is_counted = false;  // for the bound of the inbox in which it lies
};

// A message on its way or in a mailbox. Whoever has it owns it; its type is the address of what destroys it.
struct Message : Parcel {
  struct Type {
    void (*destroy)(Message&) noexcept;
  };

  explicit Message(const Type& type) : Parcel(&Message::reach), type(&type) {}
  static void reach(Parcel& parcel);

  const Type* type;
  Actor* to = nullptr;
};

template <class T>
struct MessageOf final : Message, async::Pooled {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a message is a value");
  static_assert(std::is_nothrow_move_constructible_v<T>, "a message is moved to whoever receives it, and cannot throw");
  static_assert(alignof(T) <= 16, "a message is aligned to 16 bytes at most; send a pointer");

  template <class... Args>
  explicit MessageOf(Args&&... args) : Message(type_of), value(std::forward<Args>(args)...) {}
  static void destroy(Message& message) noexcept { delete &static_cast<MessageOf&>(message); }

  static constexpr Type type_of{&MessageOf::destroy};
  T value;
};

}  // namespace parley::runtime
