#include "runtime/factory.h"

#include "runtime/session.h"

namespace parley::runtime {

void* own_object(Connection& connection, ObjectFactory& factory, const InboundHead& head) {
  Session& session = connection.session();
  if (void* const object = session.objects().find(factory)) [[likely]]
    return object;
  Error error{Code::refused, "the service has no object for this peer"};
  std::shared_ptr<void> object;
  try {
    object = factory.make(session.peer());
  } catch (...) {
    error = error_of_throw(connection, std::current_exception());
  }
  if (!connection.is_open()) return nullptr;  // the factory ended the session
  if (!object) {
    refuse_call(connection, head, error);
    return nullptr;
  }
  void* const made = object.get();
  session.objects().add(factory, std::move(object));
  return made;
}

}  // namespace parley::runtime
