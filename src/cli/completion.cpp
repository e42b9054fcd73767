#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"
#include "cli/address.h"
#include "cli/hub_session.h"
#include "cli/schema_flags.h"
#include "cli/token.h"
#include "cli/usage.h"
#include "face/loop.h"
#include "runtime/builtin.h"
#include "runtime/commands/session_carrier.h"
#include "runtime/conversations/conversations_service.h"
#include "runtime/service_check.h"

namespace parley::cli {

namespace {

// People wait for it at their prompt.
constexpr Duration patience_of_who_types = std::chrono::milliseconds(300);

constexpr std::string_view bash_script =
    R"script(# Completion of parley for bash: source <(parley completion bash), in ~/.bashrc for good.
_parley() {
  mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _parley parley
)script";

constexpr std::string_view zsh_script =
    R"script(#compdef parley
# Completion of parley for zsh: source <(parley completion zsh), in ~/.zshrc behind compinit for good.
_parley() {
  local -a found
  found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("${(@)found:#}")
  if (( ${#found} )); then compadd -a found; else _files; fi
}
if [ "${funcstack[1]}" = "_parley" ]; then _parley "$@"; else compdef _parley parley; fi
)script";

constexpr std::string_view fish_script =
    R"script(# Completion of parley for fish: parley completion fish | source, in config.fish for good.
function __parley_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c parley -a '(__parley_complete)'
)script";

// A provider names its methods as it likes, and shells are not to be trusted with that.
bool is_plain(std::string_view word) {
  constexpr std::string_view others = "_.:/-";
  return std::ranges::all_of(word, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  });
}

enum class Sought : std::uint8_t { callables, commands, flags, subjects, topics };

// What has a name at the hub, and may go on as `begun`: commands and methods, commands alone, the flags of a command,
// the subjects of conversations, or topics.
class AtHub {
 public:
  AtHub(const std::optional<std::string>& hub, Sought sought, std::string_view begun, std::string flags_of = {})
      : sought_(sought), begun_(begun), flags_of_(std::move(flags_of)) {
    Options options;
    options.limits.handshake_max = patience_of_who_types;
    options.token = client_token(std::nullopt).value_or("");
    auto session = open_hub(loop_, hub_address(hub), std::move(options));
    if (!session) return;
    until_ = loop_.now() + patience_of_who_types;
    loop_.run_until(ask(**session));
  }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  Duration left() const { return std::max(until_ - loop_.now(), Duration::zero()); }

  Task<void> ask(Session& session) {
    const bool is_about_commands = sought_ == Sought::callables || sought_ == Sought::commands;
    if (is_about_commands || sought_ == Sought::flags) co_await ask_commands(session);
    if (sought_ == Sought::callables) co_await ask_methods(session);
    if (sought_ == Sought::subjects) co_await ask_subjects(session);
    if (sought_ == Sought::topics) co_await ask_topics(session);
  }

  Task<void> ask_commands(Session& session) {
    const auto commands = co_await list_commands(session.runtime(), {.deadline = left()});
    if (!commands) co_return;
    for (const CommandDefinition& each : *commands) {
      if (sought_ != Sought::flags && is_plain(each.id)) found_.push_back(each.id);
      if (each.id != flags_of_) continue;
      const SchemaFlags flags(request_schema(each));
      for (const SchemaFlag& flag : flags.all()) {
        if (is_plain(flag.name)) found_.push_back("--" + flag.name);
      }
    }
  }

  Task<void> ask_methods(Session& session) {
    auto directory = session.client<builtin::Directory>(builtin::directory_name).with({.deadline = left()});
    const auto entries = co_await directory.call<&builtin::Directory::list>();
    if (!entries) co_return;
    std::set<std::string> names;
    if (begun_.starts_with('p')) names = {std::string(builtin::directory_name), std::string(builtin::hub_name)};
    for (const builtin::DirectoryEntry& entry : *entries) names.insert(entry.name);
    for (const std::string& name : names) {
      const bool may_be_meant = name.starts_with(begun_) || begun_.starts_with(name + ".");
      if (!may_be_meant) continue;
      const auto service = co_await runtime::ask_description(session.runtime(), name, left());
      if (!service) continue;
      for (const codec::MethodDescription& method : service->methods) {
        std::string word = fmt::format("{}.{}", name, method.name);
        if (is_plain(word)) found_.push_back(std::move(word));
      }
    }
  }

  Task<void> ask_subjects(Session& session) {
    auto directory = session.client<builtin::Directory>(builtin::directory_name).with({.deadline = left()});
    const auto entries = co_await directory.call<&builtin::Directory::list>();
    if (!entries) co_return;
    std::set<std::string> names;
    for (const builtin::DirectoryEntry& entry : *entries) {
      if (entry.service == builtin::participant_class && is_plain(entry.name)) names.insert(entry.name);
    }
    for (std::uint64_t from = 0;;) {
      const auto page = co_await directory.call<&builtin::Directory::workers>(from);
      if (!page || page->empty()) break;
      from = page->back().connection + 1;
      for (const builtin::WorkerEntry& worker : *page) {
        std::ranges::copy_if(worker.subjects, std::inserter(names, names.end()), is_plain);
      }
    }
    found_.assign(names.begin(), names.end());
  }

  Task<void> ask_topics(Session& session) {
    auto directory = session.client<builtin::Directory>(builtin::directory_name).with({.deadline = left()});
    for (std::string after;;) {
      const auto page = co_await directory.call<&builtin::Directory::topics>(after);
      if (!page || page->empty()) co_return;
      after = page->back().name;
      for (const builtin::TopicEntry& each : *page) {
        if (is_plain(each.name)) found_.push_back(each.name);
      }
    }
  }

  Loop loop_{{.tls = tls_of_environment()}};
  const Sought sought_;
  std::string begun_;
  const std::string flags_of_;  // a command
  Instant until_;
  std::vector<std::string> found_;
};

// That the word before takes as its value.
bool is_value(const CLI::App& app, const std::string& before) {
  const CLI::Option* const option = before.starts_with('-') ? app.get_option_no_throw(before) : nullptr;
  return option && option->get_items_expected_max() > 0;
}

// What was typed behind the command, by what it is.
struct Typed {
  std::size_t positionals = 0;
  std::string first;  // of them
  std::optional<std::string> hub;
};
Typed look_at(const CLI::App& command, const std::vector<std::string>& words, std::size_t first) {
  Typed typed;
  for (std::size_t i = first; i + 1 < words.size(); ++i) {
    if (words[i].starts_with("--hub=")) typed.hub = words[i].substr(6);
    if (words[i] == "--hub" && i + 2 < words.size()) typed.hub = words[i + 1];
    if (is_value(command, words[i])) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      if (typed.positionals++ == 0) typed.first = words[i];
    }
  }
  return typed;
}

}  // namespace

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script;
  if (shell == "zsh") return zsh_script;
  PARLEY_ASSERT(shell == "fish", shell);
  return fish_script;
}

std::vector<std::string> complete_words(const CLI::App& app, const std::vector<std::string>& words) {
  const std::string begun = words.empty() ? std::string() : words.back();
  std::vector<std::string> found;
  const auto is_word = [](const std::string& word) { return !word.starts_with('-'); };
  const auto named = words.empty() ? words.end() : std::find_if(words.begin(), words.end() - 1, is_word);
  if (words.empty() || named == words.end() - 1) {
    found = names_of_commands(app);
    std::ranges::copy(names_of_options(app), std::back_inserter(found));
  } else if (const CLI::App* const command = command_of(app, *named)) {
    const Typed typed = look_at(*command, words, static_cast<std::size_t>(named - words.begin()) + 1);
    if (is_value(*command, words[words.size() - 2])) return {};
    if (begun.starts_with('-')) {
      found = names_of_options(*command);
      if (*named == "call" && typed.positionals != 0) {
        std::ranges::move(AtHub(typed.hub, Sought::flags, begun, typed.first).take(), std::back_inserter(found));
      }
    } else if (*named == "call" && typed.positionals == 0) {
      found = AtHub(typed.hub, Sought::callables, begun).take();
    } else if (*named == "send" && typed.positionals == 0) {
      found = AtHub(typed.hub, Sought::commands, begun).take();
    } else if (*named == "talk" && typed.positionals == 0) {
      found = AtHub(typed.hub, Sought::subjects, begun).take();
    } else if ((*named == "publish" && typed.positionals == 0) || *named == "subscribe") {
      found = AtHub(typed.hub, Sought::topics, begun).take();
    } else if (*named == "completion" && typed.positionals == 0) {
      found.assign(std::begin(shells), std::end(shells));
    }
  }
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(begun); });
  return found;
}

}  // namespace parley::cli
