#pragma once

#include <string_view>

// The metadata keys that only Parley peers know; docs/WIRE.md says what each means.
namespace parley::wire::roam::names {

inline constexpr std::string_view prefix = "parley-";                    // of all of them but `peer`
inline constexpr std::string_view error = "parley-error";                // u64: the Code of an error of ours
inline constexpr std::string_view note = "parley-note";                  // text: its note
inline constexpr std::string_view peer = "parley";                       // u64: feature bits; marks a Parley peer
inline constexpr std::string_view offers = "parley-offers";              // bytes: postcard of the Offers of a worker
inline constexpr std::string_view token = "parley-token";                // text or bytes, sensitive: as whom one comes
inline constexpr std::string_view service = "parley-service";            // text: whom an open of a connection is for
inline constexpr std::string_view remaining_us = "parley-remaining-us";  // u64: until the caller's deadline

}  // namespace parley::wire::roam::names
