#include "core/policy/principal.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "codec/utf8.h"
#include "core/directory/name.h"

namespace parley::core {

namespace {

// In the order of Principal::Kind.
constexpr std::array<std::string_view, 4> kinds = {"uid", "token", "process", "certificate"};

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
    case Principal::Kind::token:
    case Principal::Kind::certificate: return is_name(name);
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
  return fail(Code::invalid,
              fmt::format("\"{}\" is no principal, which look like uid:1000, token:NAME, certificate:NAME "
                          "or process:self",
                          codec::to_line(text, 2 * name_bytes_max)));
}

std::optional<Principal> Principal::of_certificate(std::string_view subject) {
  constexpr std::string_view key = "CN=";
  std::optional<std::string_view> name;
  for (std::size_t begin = 0; begin < subject.size();) {
    // What a value itself has of these characters stands behind a backslash.
    std::size_t end = begin;
    while (end < subject.size() && subject[end] != ',' && subject[end] != '+') end += subject[end] == '\\' ? 2 : 1;
    const std::string_view attribute = subject.substr(begin, end - begin);
    if (attribute.starts_with(key)) {
      if (name) return std::nullopt;
      name = attribute.substr(key.size());
    }
    begin = end + 1;
  }
  if (!name || !is_name(*name)) return std::nullopt;
  return Principal{Kind::certificate, std::string(*name)};
}

std::string to_string(const Principal& principal) {
  return fmt::format("{}:{}", kinds.at(static_cast<std::size_t>(principal.kind)), principal.name);
}

}  // namespace parley::core
