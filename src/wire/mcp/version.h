#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace parley::wire::mcp {

// The revisions of the Model Context Protocol that are spoken here, oldest first.
enum class Version : std::uint8_t { v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25 };

inline constexpr Version version_latest = Version::v2025_11_25;

constexpr std::string_view to_string(Version version) {
  switch (version) {
    case Version::v2024_11_05: return "2024-11-05";
    case Version::v2025_03_26: return "2025-03-26";
    case Version::v2025_06_18: return "2025-06-18";
    case Version::v2025_11_25: return "2025-11-25";
  }
  return "2025-11-25";
}

// Nothing for a revision that is not spoken here.
constexpr std::optional<Version> read_version(std::string_view text) {
  using enum Version;
  for (const Version version : {v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25}) {
    if (to_string(version) == text) return version;
  }
  return std::nullopt;
}

}  // namespace parley::wire::mcp
