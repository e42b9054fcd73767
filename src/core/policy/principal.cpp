#include "core/policy/principal.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "codec/utf8.h"
#include "core/directory/name.h"

namespace parley::core {

namespace {

// In the order of Principal::Kind.
constexpr std::array<std::string_view, 3> kinds = {"uid", "token", "process"};

// One user has one name: no sign, no zeros in front.
bool is_uid(std::string_view text) {
  std::uint32_t uid = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, uid);
  return read.ec == std::errc() && read.ptr == end && std::to_string(uid) == text;
}

bool is_name_of(Principal::Kind kind, std::string_view name) {
  switch (kind) {
    case Principal::Kind::uid: return is_uid(name);
    case Principal::Kind::token: return is_name(name);
    case Principal::Kind::process: return name == "self";
  }
  return false;
}

}  // namespace

Result<Principal> Principal::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  for (std::size_t i = 0; i < kinds.size() && colon != std::string_view::npos; ++i) {
    const auto kind = static_cast<Kind>(i);
    const std::string_view name = text.substr(colon + 1);
    if (text.substr(0, colon) == kinds[i] && is_name_of(kind, name)) return Principal{kind, std::string(name)};
  }
  return fail(Code::invalid, fmt::format("\"{}\" is no principal, which look like uid:1000, token:NAME or process:self",
                                         codec::to_line(text, 2 * name_bytes_max)));
}

std::string to_string(const Principal& principal) {
  return fmt::format("{}:{}", kinds.at(static_cast<std::size_t>(principal.kind)), principal.name);
}

}  // namespace parley::core
