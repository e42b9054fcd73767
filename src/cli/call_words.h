#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace parley::cli {

// The words of `parley call`, of which only the command that is meant tells what they are.
struct CallWords {
  std::vector<std::string> words;  // that the program knows itself
  std::vector<std::string> flags;  // the first that it does not know, with all behind it that are no options of it
  bool wants_help = false;         // of what is called
};
// `words` stand behind `parley`; `call` is the first that is no option, else all stay as they are. What stands behind a
// bare `--` is nobody's but the command's.
CallWords split_call_words(const CLI::App& call, std::vector<std::string> words);

}  // namespace parley::cli
