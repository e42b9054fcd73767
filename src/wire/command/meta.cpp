#include "wire/command/meta.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "codec/json_object.h"
#include "codec/json_text.h"

namespace parley::wire::command {

using codec::JsonObject;

static std::optional<std::uint64_t> number_in(std::string_view meta, std::string_view key) {
  const std::string said = meta_member(meta, key);
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(said.data(), said.data() + said.size(), number);
  if (said.empty() || fault != std::errc() || end != said.data() + said.size()) return std::nullopt;
  return number;
}

std::optional<Duration> remaining_of(std::string_view meta) {
  const std::optional<std::uint64_t> us = number_in(meta, remaining_key);
  if (!us) return std::nullopt;
  constexpr std::uint64_t day_us = std::uint64_t{86'400} * 1'000'000;
  return std::chrono::microseconds(std::min(*us, day_us));
}

std::uint32_t hops_of(std::string_view meta) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number_in(meta, hops_key).value_or(0), hops_max + 1));
}

std::string meta_member(std::string_view meta, std::string_view key) {
  if (meta.empty()) return {};
  const JsonObject object = JsonObject::of_checked(meta);
  const std::string_view* value = object.find(key);
  return value ? std::string(*value) : std::string();
}

std::string with_meta_member(std::string_view meta, std::string_view key, std::string_view value) {
  std::string out;
  const auto put = [&](std::string_view name, std::string_view json) {
    out += out.empty() ? '{' : ',';
    codec::put_quoted(out, name);
    out += ':';
    out += json;
  };
  if (!meta.empty()) {
    const JsonObject object = JsonObject::of_checked(meta);
    for (const codec::JsonMember& each : object.members()) {
      if (each.key != key) put(each.key, each.value);
    }
  }
  if (!value.empty()) put(key, value);
  return out.empty() ? out : out + '}';
}

}  // namespace parley::wire::command
