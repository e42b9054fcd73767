// The tour: starts a service process, walks through what Parley does between it and this process, and says at each
// step whether it did.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tour.h"

namespace {

constexpr std::string_view usage =
    R"(Usage: tour [--once] [--json] [--service PROGRAM]

Starts a service process on a Unix socket, in a directory of its own, and walks through calls, streams, cancellation,
deadlines and the death of the service, printing what happens as it happens.

  --once              no word about what to look at next: for scripts
  --json              one JSON object a step, instead of text
  --service PROGRAM   another service program than the tour_service beside this one

Exit codes: 0 each step did what it says, 1 one did not (it is named, and the tour ends there), 2 wrong arguments,
128 + n ended by signal n. Colours only on a terminal, and not where NO_COLOR is set.
)";

constexpr std::string_view what_next = R"(
Every step did what it says. What to look at next:

  README.md                 the twenty lines of a service, to type in by hand
  examples/tour/station.h   the two services of this tour
  examples/calculator       the smallest service and its client
  examples/foreign_epoll    inside of another event loop; foreign_60hz: inside of a game's
  docs/ARCHITECTURE.md      how it is built; docs/WIRE.md: what is on the wire
  ./test                    the quick test suite
)";

struct Options {
  bool is_once = false;
  bool is_json = false;
  std::string service;
};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

tour::Report::Form form_of(const Options& options) {
  if (options.is_json) return tour::Report::Form::json;
  const bool has_colours = ::isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR");
  return has_colours ? tour::Report::Form::coloured : tour::Report::Form::plain;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

int run(const Options& options) {
  auto directory = tour::Directory::make();
  if (!directory) {
    fmt::print(stderr, "tour: {}\n", to_string(directory.error()));
    return 1;
  }
  tour::Report report(form_of(options), tour::Tour::step_count(), &print);
  if (!options.is_json) print("Parley's tour: two processes and a Unix socket.\n");
  tour::Tour tour(report, *directory, options.service);
  if (!tour.run()) {
    if (!options.is_json) fmt::print("\nStep `{}` did not do what it says.\n", report.failed_step());
    return 1;
  }
  if (!options.is_json && !options.is_once) print(what_next);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options{.service = tour::own_folder() + "/tour_service"};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--once") {
      options.is_once = true;
    } else if (argument == "--json") {
      options.is_json = true;
    } else if (argument == "--service" && i + 1 < argc) {
      options.service = argv[++i];
    } else if (argument == "--help" || argument == "-h") {
      print(usage);
      return 0;
    } else {
      fmt::print(stderr, "tour: `{}` is no option\n{}", argument, usage);
      return 2;
    }
  }
  return run(options);
}
