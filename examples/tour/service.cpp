// The service process of the tour: serves a Station at an address, and says on its first line where.
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "station_service.h"

namespace {

constexpr const char* usage =
    "Usage: tour_service URI [--parent PID]\n"
    "\n"
    "The service process of the tour. It prints `ready URI` when it listens and ends when it is told to.\n"
    "\n"
    "  URI            where it listens, such as unix:/tmp/station.sock\n"
    "  --parent PID   ends with that process, which must be the one that started it\n"
    "\n"
    "Exit codes: 0 it was told to leave, 1 it could not listen, 2 wrong arguments.\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--help" || first == "-h") {
    std::fputs(usage, stdout);
    return 0;
  }
  const bool has_parent = argc == 4 && std::string_view(argv[2]) == "--parent";
  if (first.empty() || first.starts_with('-') || (argc != 2 && !has_parent)) {
    std::fputs(usage, stderr);
    return 2;
  }
  if (has_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (std::to_string(::getppid()) != argv[3]) return 0;  // it was gone before we could say so
  }
  tour::StationService station;
  return tour::serve(station, std::string(first));
}
