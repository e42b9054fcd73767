#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/dispatch.h"

namespace parley {

// What is served: objects by name, each with the methods of its service. Given to a server or to a connect(), which share
// it with all their sessions; it and the objects outlive them.
class Services {
 public:
  // The object is shared by all sessions. Another object with a method of the same id, or the same name, is refused.
  template <class S>
  Result<void> serve(std::string name, S& object) {
    PARLEY_TRY(take_name(name));
    return runtime::add_service<S>(table_, object);
  }

  const std::vector<std::string>& names() const { return names_; }
  const runtime::MethodTable& table() const { return table_; }

 private:
  Result<void> take_name(std::string& name);

  runtime::MethodTable table_;
  std::vector<std::string> names_;
};

}  // namespace parley
