#pragma once
// CRC-32 (polynomial 0xEDB88320, as in gzip and PNG): finds torn and flipped lines of a journal.
// Not for security.

#include <cstdint>
#include <string_view>

namespace moeplan::text {

std::uint32_t crc32(std::string_view bytes);

}  // namespace moeplan::text
