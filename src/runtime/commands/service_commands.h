#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/commands/registry.h"
#include "runtime/describe.h"
#include "runtime/factory.h"
#include "runtime/method_table.h"

// The methods of a service as commands of a registry.
namespace parley {

template <class S>
Task<Result<void>> Registry::service(std::string name, S& object) {
  auto methods = std::make_shared<runtime::MethodTable>();
  auto added = runtime::add_service<S>(*methods, object);
  if (!added) co_return fail(std::move(added).error());
  co_return co_await add_service(std::move(name), describe<S>(), std::move(methods));
}

}  // namespace parley
