// The tour: starts a hub and two workers, walks through what Parley does between them and this process, and says at
// each step whether it did.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tour.h"

namespace {

constexpr std::string_view usage =
    R"(Usage: tour [--once] [--json] [--hub PROGRAM] [--worker PROGRAM]

Starts a hub on a Unix socket, in a directory of its own, and two workers that offer a service there. Walks through
calls, streams, cancellation, deadlines and deaths, printing what happens as it happens. Then the hub and the workers go
on until you press Ctrl-C, so that you can try them.

  --once             ends behind the last step: for scripts
  --json             one JSON object a step, instead of text; ends like --once
  --hub PROGRAM      another program than the `parley` of this build
  --worker PROGRAM   another program than the tour_worker beside this one

Exit codes: 0 each step did what it says, 1 one did not (it is named, and the tour ends there), 2 wrong arguments,
128 + n ended by signal n before all steps were done. Colours only on a terminal, and not where NO_COLOR is set.
)";

constexpr std::string_view what_next = R"(
Every step did what it says. The hub and two workers go on until you press Ctrl-C. In another terminal:

  export PARLEY_HUB={0} PATH={1}:$PATH
  parley list                          who provides what; -m: what its methods take and give
  parley call station.add '[2, 3]'     any method, with JSON
  parley call station.write '[5]'      its stream comes line by line, then its result
  parley who                           the sessions of the hub

And to read: README.md, a service in twenty lines; examples/tour/station.h, the services of this tour; docs/.
)";

struct Options {
  bool is_once = false;
  bool is_json = false;
  tour::Programs programs;
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
  const auto end = options.is_once || options.is_json ? tour::Tour::End::leave : tour::Tour::End::stay;
  tour::Report report(form_of(options), tour::Tour::step_count(end), &print);
  if (!options.is_json) print("Parley's tour: a hub, two workers and a client.\n");
  tour::Tour tour(report, *directory, options.programs);
  if (!tour.run(end)) {
    if (!options.is_json) fmt::print("\nStep `{}` did not do what it says.\n", report.failed_step());
    return 1;
  }
  if (end == tour::Tour::End::leave) return 0;
  const auto folder = std::filesystem::path(options.programs.hub).parent_path().string();
  print(fmt::format(what_next, tour.hub_address(), folder));
  tour::Directory::end_well();
  for (;;) ::pause();  // a signal ends it
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = tour::own_folder();
  Options options{.programs = {.hub = (folder / "../../parley").lexically_normal(),
                               .worker = folder / "tour_worker",
                               .cook = (folder / "../conversation/conversation_worker").lexically_normal(),
                               .host = (folder / "../outbox/outbox_host").lexically_normal()}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--once") {
      options.is_once = true;
    } else if (argument == "--json") {
      options.is_json = true;
    } else if (argument == "--hub" && i + 1 < argc) {
      options.programs.hub = argv[++i];
    } else if (argument == "--worker" && i + 1 < argc) {
      options.programs.worker = argv[++i];
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
