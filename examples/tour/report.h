#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tour {

// What the tour shows of its steps, as text while they happen or as one JSON object a step, and whether each did what
// it says. Owned by main; one step at a time.
class Report {
 public:
  enum class Form : std::uint8_t { plain, coloured, json };
  using Print = std::move_only_function<void(std::string_view)>;

  Report(Form form, int steps, Print print) : form_(form), steps_(steps), print_(std::move(print)) {}

  void begin(std::string_view name, std::string_view title);
  // Who does or says something: "client", "worker" or "hub".
  void line(std::string_view who, std::string_view text);
  // A number worth keeping, for JSON. The lines say it in words.
  void value(std::string_view name, double number);
  // What has to hold in this step. The first one that does not is the step's failure; `but` says what was instead.
  bool expect(bool holds, std::string_view what, std::string_view but = {});
  // True if everything held and something was expected at all: a step that looks at nothing has not shown anything.
  bool end(std::chrono::nanoseconds took);

  bool has_failed() const { return !failed_step_.empty(); }
  const std::string& failed_step() const { return failed_step_; }
  const std::string& failure() const { return failure_; }  // of that step

 private:
  void print_json(std::chrono::nanoseconds took);
  std::string painted(std::string_view colour, std::string_view text) const;

  Form form_;
  int steps_;
  Print print_;

  int number_ = 0;
  std::string name_;
  std::string title_;
  int expected_ = 0;
  std::string failed_;  // in the current step
  std::vector<std::pair<std::string, std::string>> lines_;
  std::vector<std::pair<std::string, double>> values_;

  std::string failed_step_;
  std::string failure_;
};

// "17 us", "3.4 ms", "1.20 s".
std::string in_words(std::chrono::nanoseconds time);
// "300 000": easier to read than 300000.
std::string in_words(std::uint64_t number);

}  // namespace tour
