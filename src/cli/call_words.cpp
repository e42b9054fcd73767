#include "cli/call_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace parley::cli {

namespace {

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

class Splitter {
 public:
  Splitter(const CLI::App& call, std::vector<std::string> words) : call_(call), words_(std::move(words)) {}

  CallWords split(std::size_t begin) {
    split_.words.assign(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(begin));
    for (at_ = begin; at_ < words_.size();) {
      const std::string word = words_[at_++];
      if (word == "--" && !is_rest_) {
        is_rest_ = true;
      } else if (!is_rest_ && (word == "--help" || word == "-h") && has_name_) {
        split_.wants_help = true;
      } else if (!is_rest_ && is_option(word) && call_.get_option_no_throw(word.substr(0, word.find('=')))) {
        take_option(word);
      } else if (!split_.flags.empty() || word.starts_with("--")) {
        split_.flags.push_back(word);
      } else {
        has_name_ = true;
        split_.words.push_back(word);
      }
    }
    return std::move(split_);
  }

 private:
  void take_option(const std::string& word) {
    split_.words.push_back(word);
    const bool has_value = !word.contains('=') && call_.get_option_no_throw(word)->get_items_expected_max() > 0;
    if (has_value && at_ < words_.size()) split_.words.push_back(words_[at_++]);
  }

  const CLI::App& call_;
  const std::vector<std::string> words_;
  std::size_t at_ = 0;
  bool is_rest_ = false;
  bool has_name_ = false;
  CallWords split_;
};

}  // namespace

CallWords split_call_words(const CLI::App& call, std::vector<std::string> words) {
  const auto named = std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  if (named == words.end() || *named != call.get_name()) return {.words = std::move(words), .flags = {}};
  const auto begin = static_cast<std::size_t>(named - words.begin()) + 1;
  return Splitter(call, std::move(words)).split(begin);
}

}  // namespace parley::cli
