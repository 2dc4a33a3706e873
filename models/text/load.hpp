#pragma once
// The one way in for every file: bounded, encoding-checked, located.
// Limits: 64 MiB a file, nesting depth 64, 4 million values; no YAML anchors, aliases, merge keys,
// tags or tabs as indentation; duplicate keys are an error. Nothing is executed or included.

#include <filesystem>
#include <string>

#include "models/text/node.hpp"

namespace moeplan::text {

inline constexpr std::size_t kMaxFileBytes = 64u * 1024u * 1024u;
inline constexpr int kMaxDepth = 64;
inline constexpr std::size_t kMaxValues = 4'000'000;

// The whole file as UTF-8 text. Throws: InputError E_IO (missing, directory, unreadable),
// E_LIMIT (too large), E_ENCODING (empty, BOM, UTF-16, NUL, invalid UTF-8; with the offset).
std::string read_file(const std::filesystem::path& path);

// Throws: InputError as read_file, and E_SYNTAX, E_DUPLICATE, E_LIMIT with line and column.
Document load_yaml(const std::filesystem::path& path);
Document load_json(const std::filesystem::path& path);

// The same for text already in memory; `file` names it in errors.
Document parse_yaml(const std::string& content, const std::string& file);
Document parse_json(const std::string& content, const std::string& file);

// Writes a temporary file beside the path, syncs and renames it: the old or the new file, never a
// mixture, also with several writers. Permissions of an old file stay; a symbolic link stays one;
// devices and pipes are written in place. Throws: std::system_error naming the path (exit code 6);
// the temporary file is gone and an old file unchanged then.
void write_file(const std::filesystem::path& path, const std::string& content);

// SHA-256 of the bytes, lower-case hex: for provenance and checksums.
std::string sha256(const std::string& content);

}  // namespace moeplan::text
