#include "cli/address.h"

#include <fmt/format.h>

#include "cli/environment.h"
#include "os/user.h"

namespace parley::cli {

namespace {

std::string default_directory() {
  const std::string runtime = variable("XDG_RUNTIME_DIR");
  return runtime.empty() ? fmt::format("/tmp/parley-{}", os::user_id()) : runtime + "/parley";
}

std::string default_address() { return fmt::format("unix:{}/hub.sock", default_directory()); }

}  // namespace

std::string hub_address(const std::optional<std::string>& said) {
  if (said) return *said;
  const std::string set = variable("PARLEY_HUB");
  return set.empty() ? default_address() : set;
}

std::string hub_address_source(const std::optional<std::string>& said) {
  if (said) return "--hub says so";
  if (!variable("PARLEY_HUB").empty()) return "PARLEY_HUB says so";
  if (!variable("XDG_RUNTIME_DIR").empty()) return "the default, in XDG_RUNTIME_DIR";
  return "the default, because XDG_RUNTIME_DIR is not set";
}

bool is_default_address(const std::string& address) { return address == default_address(); }

Result<void> prepare_place_of(const std::string& address) {
  if (!is_default_address(address)) return {};
  return os::make_private_directory(default_directory());
}

}  // namespace parley::cli
