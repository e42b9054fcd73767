#include "report.h"

#include <fmt/format.h>

namespace tour {

namespace {

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

double in_ms(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace

std::string Report::painted(std::string_view colour, std::string_view text) const {
  if (form_ != Form::coloured) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", colour, text);
}

void Report::begin(std::string_view name, std::string_view title) {
  ++number_;
  name_ = name;
  title_ = title;
  expected_ = 0;
  failed_.clear();
  lines_.clear();
  values_.clear();
  if (form_ != Form::json) print_(fmt::format("\n{:2}/{} {}\n", number_, steps_, painted("1", title_)));
}

void Report::line(std::string_view who, std::string_view text) {
  if (form_ == Form::json) {
    lines_.emplace_back(who, text);
  } else {
    print_(fmt::format("      {} {}\n", painted(who == "client" ? "2" : "36", fmt::format("{:<8}", who)), text));
  }
}

void Report::value(std::string_view name, double number) { values_.emplace_back(name, number); }

bool Report::expect(bool holds, std::string_view what, std::string_view but) {
  ++expected_;
  if (holds || !failed_.empty()) return holds;
  failed_ = but.empty() ? std::string(what) : fmt::format("{}; but {}", what, but);
  return false;
}

bool Report::end(std::chrono::nanoseconds took) {
  if (expected_ == 0) expect(false, "a step looks at what came of it");
  const bool is_good = failed_.empty();
  if (!is_good && failed_step_.empty()) {
    failed_step_ = name_;
    failure_ = failed_;
  }
  if (form_ == Form::json) {
    print_json(took);
  } else if (is_good) {
    print_(
        fmt::format("      {} {} of {} hold, {}\n", painted("32", "ok      "), expected_, expected_, in_words(took)));
  } else {
    print_(fmt::format("      {} step `{}`, expected: {}\n", painted("31", "FAILED  "), name_, failed_));
  }
  return is_good;
}

void Report::print_json(std::chrono::nanoseconds took) {
  std::string lines;
  for (const auto& [who, text] : lines_) {
    lines += fmt::format("{}{{\"who\":{},\"text\":{}}}", lines.empty() ? "" : ",", json_text(who), json_text(text));
  }
  std::string values;
  for (const auto& [name, number] : values_) {
    values += fmt::format("{}{}:{}", values.empty() ? "" : ",", json_text(name), number);
  }
  print_(
      fmt::format("{{\"step\":{},\"number\":{},\"title\":{},\"ok\":{},\"expected\":{},\"ms\":{:.3f},\"failure\":{},"
                  "\"lines\":[{}],\"values\":{{{}}}}}\n",
                  json_text(name_), number_, json_text(title_), failed_.empty(), expected_, in_ms(took),
                  failed_.empty() ? "null" : json_text(failed_), lines, values));
}

std::string in_words(std::chrono::nanoseconds time) {
  const double us = static_cast<double>(time.count()) / 1e3;
  if (us < 10) return fmt::format("{:.1f} us", us);
  if (us < 1000) return fmt::format("{:.0f} us", us);
  if (us < 1e6) return fmt::format("{:.1f} ms", us / 1e3);
  return fmt::format("{:.2f} s", us / 1e6);
}

std::string in_words(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, " ");
  return digits;
}

}  // namespace tour
