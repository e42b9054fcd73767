#include "codec/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

#include "base/bytes.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

using Wide = unsigned __int128;

constexpr bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool add_digit(Wide& sum, char digit) {
  constexpr Wide most = ~Wide{0};
  const auto value = static_cast<Wide>(digit - '0');
  if (sum >= most / 10 && (sum > most / 10 || value > most % 10)) return false;
  sum = sum * 10 + value;
  return true;
}

// The exponent behind an e; what is beyond all sense comes back as the limit.
std::int64_t get_exponent(std::string_view text) {
  constexpr std::int64_t limit = 1'000'000'000;
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t sum = 0;
  for (const char digit : text) sum = std::min(limit, sum * 10 + (digit - '0'));
  return is_negative ? -sum : sum;
}

// Of a JSON number.
struct Parts {
  bool is_negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::int64_t exponent = 0;
};
Parts parts_of(std::string_view number) {
  Parts parts;
  parts.is_negative = number.starts_with('-');
  if (parts.is_negative) number.remove_prefix(1);
  if (const std::size_t e = number.find_first_of("eE"); e != std::string_view::npos) {
    parts.exponent = get_exponent(number.substr(e + 1));
    number = number.substr(0, e);
  }
  const std::size_t point = number.find('.');
  parts.whole = number.substr(0, point);
  if (point != std::string_view::npos) parts.fraction = number.substr(point + 1);
  return parts;
}

struct Unit {
  std::string_view name;
  std::uint64_t ns;
};
constexpr std::array<Unit, 6> units = {{
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};
// An hour is 2^13 * 5^11 * 9 ns: no decimal fraction of it with more digits is a whole number of ns.
constexpr std::size_t fraction_digits_max = 13;

template <class T>
JsonNumberFault floating_of(std::string_view number, T& value) {
  const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
  if (read.ec == std::errc() && std::isfinite(value)) return JsonNumberFault::none;
  if (!is_below_one(number)) return JsonNumberFault::out_of_range;
  value = number.starts_with('-') ? -T{0} : T{0};
  return JsonNumberFault::none;
}

}  // namespace

JsonNumberFault get_integer(std::string_view number, JsonInteger& value) {
  const Parts parts = parts_of(number);
  value = {0, parts.is_negative};
  std::string_view fraction = parts.fraction;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  for (const std::string_view digits : {parts.whole, fraction}) {
    for (const char digit : digits) {
      if (!add_digit(value.magnitude, digit)) return JsonNumberFault::out_of_range;
    }
  }
  if (value.magnitude == 0) {
    value.is_negative = false;
    return JsonNumberFault::none;
  }
  std::int64_t exponent = parts.exponent - static_cast<std::int64_t>(fraction.size());
  for (; exponent < 0; ++exponent) {
    if (value.magnitude % 10 != 0) return JsonNumberFault::fraction;
    value.magnitude /= 10;
  }
  for (; exponent > 0; --exponent) {
    if (!add_digit(value.magnitude, '0')) return JsonNumberFault::out_of_range;
  }
  return JsonNumberFault::none;
}

bool is_below_one(std::string_view number) {
  const Parts parts = parts_of(number);
  std::int64_t power = 0;  // of ten, of the first digit that is not zero
  if (const std::size_t at = parts.whole.find_first_not_of('0'); at != std::string_view::npos) {
    power = static_cast<std::int64_t>(parts.whole.size() - 1 - at);
  } else {
    power = -1 - static_cast<std::int64_t>(std::min(parts.fraction.find_first_not_of('0'), parts.fraction.size()));
  }
  return power + parts.exponent < 0;
}

JsonNumberFault get_floating(std::string_view number, double& value) { return floating_of(number, value); }
JsonNumberFault get_floating(std::string_view number, float& value) { return floating_of(number, value); }

JsonNumberFault get_decimal(std::string_view text, JsonInteger& value) {
  value = {};
  value.is_negative = text.starts_with('-');
  if (value.is_negative) text.remove_prefix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return JsonNumberFault::no_number;
  if (text.starts_with('0') && (text.size() > 1 || value.is_negative)) return JsonNumberFault::no_number;
  for (const char digit : text) {
    if (!add_digit(value.magnitude, digit)) return JsonNumberFault::out_of_range;
  }
  return JsonNumberFault::none;
}

void put_decimal(std::string& out, const JsonInteger& value) {
  char digits[40];
  char* const end = digits + sizeof digits;
  char* at = end;
  Wide wide = value.magnitude;
  for (; wide >> 64 != 0; wide /= 10) *--at = static_cast<char>('0' + static_cast<int>(wide % 10));
  auto rest = static_cast<std::uint64_t>(wide);
  do {
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value.is_negative) out += '-';
  out.append(at, end);
}

JsonNumberFault get_duration(std::string_view text, std::int64_t& ns) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view whole = text.substr(0, end);
  text.remove_prefix(end);
  std::string_view fraction;
  if (text.starts_with('.')) {
    for (end = 1; end < text.size() && is_digit(text[end]);) ++end;
    fraction = text.substr(1, end - 1);
    text.remove_prefix(end);
    if (fraction.empty()) return JsonNumberFault::no_number;
  }
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& one) { return one.name == text; });
  if (whole.empty() || unit == units.end()) return JsonNumberFault::no_number;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (fraction.size() > fraction_digits_max) return JsonNumberFault::fraction;

  const std::uint64_t magnitude_max = std::uint64_t{std::numeric_limits<std::int64_t>::max()} + (is_negative ? 1 : 0);
  Wide sum = 0;
  for (const char digit : whole) {
    if (!add_digit(sum, digit) || sum > magnitude_max) return JsonNumberFault::out_of_range;
  }
  sum *= unit->ns;
  Wide part = 0;
  Wide scale = 1;
  for (const char digit : fraction) {
    part = part * 10 + static_cast<Wide>(digit - '0');
    scale *= 10;
  }
  part *= unit->ns;
  if (part % scale != 0) return JsonNumberFault::fraction;
  sum += part / scale;
  if (sum > magnitude_max) return JsonNumberFault::out_of_range;
  const auto magnitude = static_cast<std::uint64_t>(sum);
  ns = static_cast<std::int64_t>(is_negative ? 0 - magnitude : magnitude);
  return JsonNumberFault::none;
}

void put_duration(std::string& out, std::int64_t ns) {
  const std::uint64_t magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  std::string best;
  for (const Unit& unit : units) {
    std::string form;
    put_decimal(form, {magnitude / unit.ns, false});
    std::uint64_t rest = magnitude % unit.ns;
    if (rest != 0) form += '.';
    for (std::size_t count = 0; rest != 0 && count < fraction_digits_max; ++count) {
      rest *= 10;
      form += static_cast<char>('0' + rest / unit.ns);
      rest %= unit.ns;
    }
    if (rest != 0) continue;
    form += unit.name;
    if (best.empty() || form.size() < best.size()) best = std::move(form);
  }
  if (ns < 0) out += '-';
  out += best;
}

// Whether one of eight letters is a control character, a quote or a backslash.
static bool wants_escape(std::uint64_t letters) {
  constexpr std::uint64_t ones = 0x0101010101010101, tops = ones << 7;
  const auto below = [](std::uint64_t bytes, std::uint64_t limit) { return (bytes - ones * limit) & ~bytes; };
  return ((below(letters, 0x20) | below(letters ^ ones * '"', 1) | below(letters ^ ones * '\\', 1)) & tops) != 0;
}

void put_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::uint64_t letters = 0; text.size() - i >= sizeof letters; i += sizeof letters) {
      std::memcpy(&letters, text.data() + i, sizeof letters);
      if (wants_escape(letters)) break;
    }
    if (i == text.size()) break;
    const char letter = text[i];
    if (static_cast<std::uint8_t>(letter) >= 0x20 && letter != '"' && letter != '\\') continue;
    out.append(text, done, i - done);
    done = i + 1;
    out += '\\';
    switch (letter) {
      case '"':
      case '\\': out += letter; break;
      case '\b': out += 'b'; break;
      case '\f': out += 'f'; break;
      case '\n': out += 'n'; break;
      case '\r': out += 'r'; break;
      case '\t': out += 't'; break;
      default:
        out += "u00";
        out += static_cast<char>('0' + (letter >> 4));
        out += "0123456789abcdef"[letter & 15];
    }
  }
  out.append(text, done);
  out += '"';
}

std::string text_start(std::string_view text) {
  constexpr std::size_t bytes_max = 40;
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string quoted_start(std::string_view text) {
  std::string out;
  put_quoted(out, text_start(text));
  return out;
}

std::string_view nearest_name(std::string_view meant, const std::string_view* names, std::size_t count) {
  constexpr std::size_t size_max = 63;
  if (meant.empty() || meant.size() > size_max) return {};
  const auto lower = [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  };
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, meant.size() / 3) + 1;
  for (std::size_t n = 0; n < count; ++n) {
    const std::string_view name = names[n];
    const std::size_t difference = std::max(name.size(), meant.size()) - std::min(name.size(), meant.size());
    if (name.size() > size_max || difference >= best_distance) continue;
    // Letters to insert, drop, change, or swap with the next one: a row of the table at a time, of which two are kept.
    using Row = std::array<std::size_t, size_max + 1>;
    Row row;
    Row above{};
    for (std::size_t j = 0; j <= name.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= meant.size(); ++i) {
      const Row two_above = std::exchange(above, row);
      row[0] = i;
      for (std::size_t j = 1; j <= name.size(); ++j) {
        const auto are_same = [&](std::size_t a, std::size_t b) { return lower(meant[a]) == lower(name[b]); };
        row[j] = std::min({above[j - 1] + (are_same(i - 1, j - 1) ? 0 : 1), above[j] + 1, row[j - 1] + 1});
        const bool is_swapped = i > 1 && j > 1 && are_same(i - 1, j - 2) && are_same(i - 2, j - 1);
        if (is_swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
    if (row[name.size()] < best_distance) {
      best_distance = row[name.size()];
      best = name;
    }
  }
  return best;
}

}  // namespace parley::codec
