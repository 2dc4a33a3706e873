#include "models/text/sha256_block.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace moeplan::text {

#if defined(__x86_64__)
namespace {

#define MOEPLAN_SHA __attribute__((target("sha,sse4.1,ssse3")))

MOEPLAN_SHA inline __m128i load(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

// Source: Intel SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2: two rounds an instruction on the
// state as ABEF and CDGH, highest word first.
MOEPLAN_SHA void add_blocks(std::array<std::uint32_t, 8>& hash, const unsigned char* blocks,
                            std::size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i dcba = load(hash.data());
  const __m128i hgfe = load(hash.data() + 4);
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i words[4];  // the last 16 of the message schedule
    for (int group = 0; group < 16; ++group) {
      __m128i& now = words[group % 4];
      if (group < 4) {
        now = _mm_shuffle_epi8(load(blocks + 16 * group), big_endian);
      } else {
        const __m128i last = words[(group + 3) % 4];
        const __m128i seven_back = _mm_alignr_epi8(last, words[(group + 2) % 4], 4);
        const __m128i partial = _mm_sha256msg1_epu32(now, words[(group + 1) % 4]);
        now = _mm_sha256msg2_epu32(_mm_add_epi32(partial, seven_back), last);
      }
      const __m128i sum = _mm_add_epi32(now, load(kSha256Round.data() + 4 * group));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  auto* out = reinterpret_cast<__m128i*>(hash.data());
  _mm_storeu_si128(out, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(out + 1, _mm_alignr_epi8(dchg, feba, 8));
}

#undef MOEPLAN_SHA

// Leaf 7 EBX bit 29: SHA; leaf 1 ECX bits 9 and 19: SSSE3, SSE4.1.
bool has_extensions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c >> 9 & c >> 19 & 1U) == 0) {
    return false;
  }
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1U) != 0;
}

}  // namespace

AddBlocks add_blocks_by_extensions() {
  static const AddBlocks kChosen = has_extensions() ? add_blocks : nullptr;
  return kChosen;
}

#else

AddBlocks add_blocks_by_extensions() { return nullptr; }

#endif

}  // namespace moeplan::text
