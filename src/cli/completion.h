#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

// Completion of what is typed into a shell. Each shell's script asks the hidden command `parley complete -- WORDS`,
// which knows the commands and options from their registration, and services and methods from the hub.
namespace parley::cli {

inline constexpr std::string_view shells[] = {"bash", "zsh", "fish"};
// The script for one of these.
std::string_view completion_script(std::string_view shell);

// What may stand in the place of the last word, behind those before it; the first of them is the one behind `parley`.
// Where the hub does not answer soon, what it would know is left out.
std::vector<std::string> complete_words(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace parley::cli
