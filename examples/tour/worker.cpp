// A worker of the tour: offers a Station at a hub, and says on its first line that it does.
#include <cstdio>
#include <string>
#include <string_view>

#include "station_service.h"

namespace {

constexpr const char* usage =
    "Usage: tour_worker HUB\n"
    "\n"
    "A worker of the tour. It prints `offered` when the hub knows it, and ends when it is told to.\n"
    "\n"
    "  HUB   where the hub is, such as unix:/tmp/hub.sock\n"
    "\n"
    "Exit codes: 0 it was told to leave, 1 there is no hub, 2 wrong arguments.\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--help" || first == "-h") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (first.empty() || first.starts_with('-') || argc != 2) {
    std::fputs(usage, stderr);
    return 2;
  }
  tour::StationService station;
  return tour::serve(station, std::string(first));
}
