#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "cli/commands.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "runtime/builtin.h"

namespace parley::cli {

namespace {

Task<Result<builtin::Refusals>> ask_refusals(Session& session) {
  auto hub = session.client<builtin::Hub>(builtin::hub_name).with({.deadline = patience});
  co_return co_await hub.call<&builtin::Hub::refusals>();
}

std::string time_of(const builtin::Refusal& refusal) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(refusal.unix_ms / 1000)));
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

int run_audit(const Common& common) {
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    const auto all = loop.run_until(ask_refusals(session));
    if (!all) return give_up(all.error());
    if (common.json) {
      say(codec::to_json(*all));
      return code(Exit::ok);
    }
    if (all->dropped != 0) say(fmt::format("{} older ones are kept no more", all->dropped));
    if (all->refusals.empty()) {
      say("nothing was refused to anybody");
      return code(Exit::ok);
    }
    std::vector<std::vector<std::string>> rows = {{"WHEN", "WHO", "FROM", "VERB", "NAME", "TIMES", "WHY"}};
    for (const builtin::Refusal& each : all->refusals) {
      rows.push_back({time_of(each), or_dash(each.principal), each.peer, or_dash(each.verb), or_dash(each.name),
                      fmt::format("{}", each.times), each.reason});
    }
    say(table(rows));
    return code(Exit::ok);
  });
}

}  // namespace parley::cli
