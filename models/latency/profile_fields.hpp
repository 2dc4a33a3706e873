#pragma once
// Private to models/latency: what writer and reader of profiles share.

#include <cstddef>
#include <string>
#include <string_view>

namespace moeplan::models {

inline constexpr std::string_view kProfileSchema = "smoe-calibration";
inline constexpr int kProfileVersion = 1;
inline constexpr std::size_t kMostMembers = 1024;  // of an ensemble

// SHA-256 of the text with the digits of its sha256_payload replaced by zeros; "" when the text
// has no such key.
std::string payload_checksum(std::string content);

}  // namespace moeplan::models
