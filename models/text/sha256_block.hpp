#pragma once
// Private to models/text: SHA-256's compression, by the processor's own instructions where it has
// them (ten times faster: sweeps hash every point), else as the standard writes it.

#include <array>
#include <cstddef>
#include <cstdint>

namespace moeplan::text {

// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4,
// 4.2.2).
extern const std::array<std::uint32_t, 64> kSha256Round;

using AddBlocks = void (*)(std::array<std::uint32_t, 8>& hash, const unsigned char* blocks,
                           std::size_t count);

// `count` blocks of 64 bytes into the hash.
void add_blocks_plain(std::array<std::uint32_t, 8>& hash, const unsigned char* blocks,
                      std::size_t count);
// The same by SHA extensions; nullptr where this processor has none.
AddBlocks add_blocks_by_extensions();

}  // namespace moeplan::text
