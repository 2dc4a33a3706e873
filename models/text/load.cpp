#include "models/text/load.hpp"

#include <fmt/format.h>

#include "models/text/encoding.hpp"
#include "models/text/input_file.hpp"

namespace moeplan::text {
namespace {

[[noreturn]] void too_large(const std::filesystem::path& path, const std::string& got) {
  throw InputError({.code = "E_LIMIT",
                    .file = path.string(),
                    .what = "the file is too large",
                    .got = got,
                    .expected = "at most 64 MiB"});
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  InputFile file(path);
  std::string content;
  if (file.size().value_or(0) > kMaxFileBytes) {
    too_large(path, std::to_string(*file.size()) + " bytes");
  }
  content.reserve(file.size().value_or(0) + 1);
  // To the end, or one step past the limit: the size of a pipe is not known before.
  char buffer[1 << 16];
  while (content.size() <= kMaxFileBytes) {
    const std::size_t got = file.read(buffer, sizeof buffer);
    if (got == 0) {
      break;
    }
    content.append(buffer, got);
  }
  if (content.size() > kMaxFileBytes) {
    too_large(path, fmt::format("more than {} bytes", kMaxFileBytes));
  }
  check_encoding(content, path.string());
  return content;
}

Document load_yaml(const std::filesystem::path& path) {
  return parse_yaml(read_file(path), path.string());
}

Document load_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

}  // namespace moeplan::text
