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

}  // namespace

std::string hub_address(const std::optional<std::string>& said) {
  if (said) return *said;
  const char* const from_environment = std::getenv("PARLEY_HUB");
  if (from_environment && *from_environment) return from_environment;
  return fmt::format("unix:{}/hub.sock", default_directory());
}

Result<void> prepare_default_address() { return os::make_private_directory(default_directory()); }

}  // namespace parley::cli
