#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "models/text/sha256_block.hpp"

namespace moeplan::text {
namespace {

// Source: NIST, "Secure Hash Standard" example values for SHA-256 (csrc.nist.gov, examples with
// intermediate values: "abc" and the 448-bit message), and the long message of FIPS 180-2 appendix
// B.3 (a million times 'a').
TEST(Sha256, NistExamples) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, EmptyMessage) {
  // Source: NIST CAVP SHA256ShortMsg.rsp, Len = 0.
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// The padding takes one or two blocks: 55 bytes are the most that leave room for the length. The
// expected values are those of coreutils sha256sum.
TEST(Sha256, LengthsAroundTheBlock) {
  EXPECT_EQ(sha256(std::string(55, 'a')),
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(sha256(std::string(56, 'a')),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(sha256(std::string(64, 'a')),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

}  // namespace
// The processor's instructions and the standard's own steps, on any number of blocks.
TEST(Sha256, ExtensionsGiveTheSameBlocks) {
  const AddBlocks extensions = add_blocks_by_extensions();
  if (extensions == nullptr) {
    GTEST_SKIP() << "this processor has no SHA extensions";
  }
  std::string bytes;
  for (int i = 0; i < 64 * 9; ++i) {
    bytes += static_cast<char>(i * 37 + i / 64 * 11);
  }
  const auto* blocks = reinterpret_cast<const unsigned char*>(bytes.data());
  for (std::size_t count = 0; count <= 9; ++count) {
    std::array<std::uint32_t, 8> a{1, 2, 3, 0xffffffff, 0x80000000, 6, 7, 8};
    std::array<std::uint32_t, 8> b = a;
    extensions(a, blocks, count);
    add_blocks_plain(b, blocks, count);
    EXPECT_EQ(a, b) << count << " blocks";
  }
}

}  // namespace moeplan::text
