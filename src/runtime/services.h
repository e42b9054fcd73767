#pragma once

#include <concepts>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/directory/directory.h"
#include "runtime/describe.h"
#include "runtime/factory.h"
#include "runtime/raw.h"

namespace parley {

struct ServeOptions {
  bool exclusive = false;  // where it is offered to a hub: nobody else there may provide the name
};

// What is served: objects by name, each with the methods of its service. Built before it is used; given to a server or
// to a connect(), which share it with all their sessions on one loop. It outlives them. Whoever asks parley.Describe at
// the other end is told what is in it.
//
// Errors of each serve(): invalid, for a name that is none; in_use, for a name or a method that is served already. A
// refused service leaves nothing behind.
class Services {
 public:
  // The object is shared by all sessions and outlives the loop: the last of its handlers are destroyed with that.
  template <class S>
  Result<void> serve(std::string name, S& object, ServeOptions options = {}) {
    return add<S>(std::move(name), options,
                  [&](runtime::MethodTable& own) { return runtime::add_service<S>(own, object); });
  }
  // Each session has an object of its own: made at its first call of the service, destroyed when the session has ended
  // and its handlers are gone. A factory that gives null refuses the peer: its call fails with `refused`, and so it is
  // asked again at the next.
  template <class S, class Factory>
    requires std::is_invocable_r_v<std::unique_ptr<S>, Factory&, const io::Peer&>
  Result<void> serve(std::string name, Factory factory, ServeOptions options = {}) {
    auto made = std::make_unique<runtime::FactoryOf<S>>(std::move(factory));
    PARLEY_TRY(add<S>(std::move(name), options,
                      [&](runtime::MethodTable& own) { return runtime::add_factory<S>(own, *made); }));
    factories_.push_back(std::move(made));
    return {};
  }
  // The handler gets the calls that nobody else here serves. It outlives the sessions; a second one is refused.
  Result<void> serve_rest(RawHandler& handler) { return runtime::set_rest(table_, handler); }

  // Sees all calls that come here, to what is served before and after it is set; of sessions that begin later.
  void intercept(std::shared_ptr<Interceptor> interceptor) { table_.intercept(std::move(interceptor)); }

  std::vector<std::string> names() const;
  // What is told to a hub.
  std::vector<core::Offer> offers() const;
  const runtime::MethodTable& table() const { return table_; }

 private:
  template <class S, class Add>
  Result<void> add(std::string name, const ServeOptions& options, Add add_methods) {
    PARLEY_TRY(check_name(name));
    runtime::MethodTable own;
    PARLEY_TRY(add_methods(own));
    own.list({name, service::service_name<S>, &describe<S>});
    PARLEY_TRY(table_.add(name, std::move(own)));
    if (options.exclusive) exclusive_.insert(std::move(name));
    return {};
  }
  static Result<void> check_name(const std::string& name);

  runtime::MethodTable table_;
  std::set<std::string, std::less<>> exclusive_;
  std::vector<std::unique_ptr<runtime::ObjectFactory>> factories_;
};

}  // namespace parley
