#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/dispatch.h"
#include "runtime/session_objects.h"

// Services of which each session has an object of its own, made at its first call of one of them.
namespace parley::runtime {

template <class S>
class FactoryOf final : public ObjectFactory {
 public:
  using Make = std::move_only_function<std::unique_ptr<S>(const io::Peer&)>;
  explicit FactoryOf(Make make) : make_(std::move(make)) {}
  std::shared_ptr<void> make(const io::Peer& peer) override { return std::shared_ptr<S>(make_(peer)); }

 private:
  Make make_;
};

// The session's object of the factory, made now if it has none. Null: there is none, and the call has been answered.
void* own_object(Connection& connection, ObjectFactory& factory, const InboundHead& head);

template <class S, auto Pointer>
void start_on_own_object(Connection& connection, const MethodEntry& entry, const InboundHead& head) {
  void* const object = own_object(connection, *static_cast<ObjectFactory*>(entry.object), head);
  if (!object) return;
  MethodEntry of_session = entry;
  using Service = typename service::MethodInfo<Pointer>::Service;
  of_session.object = static_cast<Service*>(static_cast<S*>(object));
  TypedCall<Pointer>::start(connection, of_session, head);
}

// Puts every method of S into the table; the factory outlives it.
template <class S>
Result<void> add_factory(MethodTable& table, FactoryOf<S>& factory) {
  return add_methods<S>(table, [&factory]<auto Pointer>(service::Method<Pointer> method) {
    using Service = typename service::MethodInfo<Pointer>::Service;
    return MethodEntry{.id = service::MethodInfo<Pointer>::id,
                       .start = &start_on_own_object<S, Pointer>,
                       .object = static_cast<ObjectFactory*>(&factory),
                       .service = service::service_name<Service>,
                       .name = method.name};
  });
}

}  // namespace parley::runtime
