#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/scenario.h"

// Runs whole systems of the real runtime from a seed; see `sim --help`.
namespace parley::sim {
namespace {

constexpr std::string_view usage =
    "Usage: sim SEED [--seeds N] [--commit HASH] [--require-all] [--trace] [--twice] [--json]\n"
    "       sim --commit HASH [...]     the seed is made from the first twelve digits of the hash\n"
    "       sim --list                  the faults and transitions that runs can come past\n"
    "\n"
    "Runs clients and a server of the real runtime in one thread, under a virtual clock and over links that a seed\n"
    "decides to delay, stall, cut and break, and checks that every promise is kept. A seed repeats bit for bit.\n"
    "\n"
    "  --seeds N      so many seeds, from SEED on\n"
    "  --commit HASH  what is under test, for the report of a failure\n"
    "  --require-all  fail if one of the faults and transitions was never hit\n"
    "  --trace        print everything that happens\n"
    "  --twice        run each seed twice, and fail if the runs differ\n"
    "  --json         print one object instead of text\n"
    "\n"
    "Ends with 1 if a promise was broken, with 2 if it does not understand you.\n";

struct Arguments {
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 1;
  std::string commit;
  bool lists = false;
  bool helps = false;
  bool requires_all = false;
  bool traces = false;
  bool runs_twice = false;
  bool prints_json = false;
};

std::optional<std::uint64_t> to_number(std::string_view text, int base = 10) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Nothing if they make no sense.
std::optional<Arguments> read_arguments(const std::vector<std::string_view>& given) {
  Arguments arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string_view word = given[i];
    const bool has_value = i + 1 < given.size();
    if (word == "--list") {
      arguments.lists = true;
    } else if (word == "--help") {
      arguments.helps = true;
    } else if (word == "--require-all") {
      arguments.requires_all = true;
    } else if (word == "--trace") {
      arguments.traces = true;
    } else if (word == "--twice") {
      arguments.runs_twice = true;
    } else if (word == "--json") {
      arguments.prints_json = true;
    } else if (word == "--seeds" && has_value) {
      const auto seeds = to_number(given[++i]);
      if (!seeds || *seeds == 0) return std::nullopt;
      arguments.seeds = *seeds;
    } else if (word == "--commit" && has_value) {
      arguments.commit = given[++i];
    } else if (const auto seed = to_number(word); seed && !arguments.seed) {
      arguments.seed = seed;
    } else {
      return std::nullopt;
    }
  }
  if (!arguments.seed) arguments.seed = to_number(std::string_view(arguments.commit).substr(0, 12), 16);
  if (!arguments.seed && !arguments.lists && !arguments.helps) return std::nullopt;
  return arguments;
}

struct Failure {
  std::uint64_t seed = 0;
  std::string checker;
  std::string what;
};

// What all seeds came to.
struct Summary {
  std::vector<Failure> failures;
  std::uint64_t seeds_failed = 0;
  std::uint64_t calls = 0;
  std::uint64_t flows = 0;
  std::uint64_t events = 0;
  std::uint64_t hash = 0;  // of one seed; of several, of their hashes
  Coverage coverage;
  Coverage seeds_by_spot;
};

void add(Summary& summary, const Report& report) {
  summary.hash = summary.events == 0 ? report.hash : (summary.hash ^ report.hash) * 0x9e3779b97f4a7c15u;
  summary.events += report.events;
  summary.calls += report.calls;
  summary.flows += report.flows;
  summary.coverage.add(report.coverage);
  for (std::size_t i = 0; i < spot_count; ++i) {
    if (report.coverage.hits(static_cast<Spot>(i)) != 0) summary.seeds_by_spot.hit(static_cast<Spot>(i));
  }
  if (!report.verdicts.is_clean()) ++summary.seeds_failed;
  for (const Verdicts::Verdict& verdict : report.verdicts.list()) {
    summary.failures.push_back({report.seed, std::string(verdict.checker), verdict.what});
  }
}

std::string in_json(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + "\"";
}

void print_json(const Arguments& arguments, const Summary& summary, const std::vector<Spot>& missing) {
  std::string text = fmt::format(
      "{{\"seed\":{},\"seeds\":{},\"commit\":{},\"hash\":\"{:016x}\",\"events\":{},\"calls\":{},\"flows\":{},"
      "\"seeds_failed\":{},\"failures\":[",
      *arguments.seed, arguments.seeds, in_json(arguments.commit), summary.hash, summary.events, summary.calls,
      summary.flows, summary.seeds_failed);
  const char* separator = "";
  for (const Failure& failure : summary.failures) {
    text += fmt::format("{}{{\"seed\":{},\"checker\":{},\"what\":{}}}", std::exchange(separator, ","), failure.seed,
                        in_json(failure.checker), in_json(failure.what));
  }
  text += "],\"hits\":{";
  separator = "";
  for (std::size_t i = 0; i < spot_count; ++i) {
    const auto spot = static_cast<Spot>(i);
    text +=
        fmt::format("{}{}:{}", std::exchange(separator, ","), in_json(text_of(spot).name), summary.coverage.hits(spot));
  }
  text += "},\"missing\":[";
  separator = "";
  for (const Spot spot : missing) text += std::exchange(separator, ",") + in_json(text_of(spot).name);
  std::fputs((text + "]}\n").c_str(), stdout);
}

void print_text(const Arguments& arguments, const Summary& summary, const std::vector<Spot>& missing) {
  std::string text;
  for (std::size_t i = 0; i < spot_count; ++i) {
    const auto spot = static_cast<Spot>(i);
    text += fmt::format("{:<28}{:>12} hits{:>8} seeds\n", text_of(spot).name, summary.coverage.hits(spot),
                        summary.seeds_by_spot.hits(spot));
  }
  const std::string commit = arguments.commit.empty() ? "" : " at commit " + arguments.commit;
  for (const Failure& failure : summary.failures) {
    text += fmt::format("FAILED seed {}{}: {}: {}\n", failure.seed, commit, failure.checker, failure.what);
  }
  if (!summary.failures.empty()) {
    text += fmt::format("replay{}: sim {} --trace\n", commit, summary.failures.front().seed);
  }
  if (arguments.requires_all) {
    for (const Spot spot : missing) {
      text += fmt::format("FAILED: nothing came past {}: {}\n", text_of(spot).name, text_of(spot).sentence);
    }
  }
  text += fmt::format("sim: {} seed(s) from {}{}: {} failed; {} calls, {} channels, {} events, hash {:016x}\n",
                      arguments.seeds, *arguments.seed, commit, summary.seeds_failed, summary.calls, summary.flows,
                      summary.events, summary.hash);
  std::fputs(text.c_str(), stdout);
}

// For a run that an assert ends: which one that was.
std::uint64_t seed_under_way = 0;

void say_seed(int) { std::fputs(fmt::format("sim: this was seed {}\n", seed_under_way).c_str(), stderr); }

int run(const Arguments& arguments) {
  std::signal(SIGABRT, &say_seed);
  Summary summary;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    seed_under_way = *arguments.seed + i;
    const Report report = run_seed(seed_under_way, arguments.traces);
    for (const std::string& line : report.lines) std::fputs((line + "\n").c_str(), stdout);
    add(summary, report);
    if (!arguments.runs_twice) continue;
    const Report again = run_seed(seed_under_way);
    if (again.hash == report.hash && again.coverage == report.coverage) continue;
    ++summary.seeds_failed;
    summary.failures.push_back({seed_under_way, "replay", "the second run differs from the first"});
  }
  const std::vector<Spot> missing = summary.coverage.missing();
  if (arguments.prints_json) {
    print_json(arguments, summary, missing);
  } else {
    print_text(arguments, summary, missing);
  }
  const bool misses = arguments.requires_all && !missing.empty();
  return summary.seeds_failed != 0 || misses ? 1 : 0;
}

}  // namespace
}  // namespace parley::sim

int main(int argc, char** argv) {
  using namespace parley::sim;
  const auto arguments = read_arguments({argv + 1, argv + argc});
  if (!arguments || arguments->helps) {
    std::fputs(usage.data(), arguments ? stdout : stderr);
    return arguments ? 0 : 2;
  }
  if (!arguments->lists) return run(*arguments);
  for (const SpotText& spot : spot_texts) {
    std::fputs(fmt::format("{:<28}{}\n", spot.name, spot.sentence).c_str(), stdout);
  }
  return 0;
}
