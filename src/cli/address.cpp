#include "cli/address.h"

#include <fmt/format.h>

#include <cstdlib>

#include "os/user.h"

namespace parley::cli {

namespace {

std::string default_directory() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime && *runtime) return fmt::format("{}/parley", runtime);
  return fmt::format("/tmp/parley-{}", os::user_id());
}

std::string default_address() { return fmt::format("unix:{}/hub.sock", default_directory()); }

}  // namespace

std::string hub_address(const std::optional<std::string>& said) {
  if (said) return *said;
  const char* const from_environment = std::getenv("PARLEY_HUB");
  if (from_environment && *from_environment) return from_environment;
  return default_address();
}

bool is_default_address(const std::string& address) { return address == default_address(); }

Result<void> prepare_place_of(const std::string& address) {
  if (!is_default_address(address)) return {};
  return os::make_private_directory(default_directory());
}

}  // namespace parley::cli
