#pragma once
// A source file as the architecture rules see it: its lines as written, and the same lines with
// comments and literals blanked out. Read from disk, or made in memory by the rules' own tests.

#include <filesystem>
#include <string>
#include <vector>

namespace moeplan::architecture {

struct SourceFile {
  std::string path;                // from the repository root, "sim/engine/event_queue.hpp"
  std::vector<std::string> lines;  // as written, without line ends
  std::vector<std::string> code;   // the same count; comments and the inside of literals are blanks

  bool is_header() const;
  std::string folder() const;  // "sim/engine"; "" for a file in the root
};

// One line of a file breaks a rule. line: 1-based, 0 = the whole file.
struct Violation {
  std::string path;
  int line = 0;
  std::string rule;

  std::string text() const;  // "path:line: rule"
};

SourceFile make_source_file(std::string path, const std::string& text);

// All .cpp .hpp .cu .cuh files below the folders of the root, sorted by path.
std::vector<SourceFile> read_source_files(const std::filesystem::path& root,
                                          const std::vector<std::string>& folders);

// The whole file. Throws: std::runtime_error when it cannot be read.
std::string read_text(const std::filesystem::path& path);

std::vector<std::string> split_lines(const std::string& text);

}  // namespace moeplan::architecture
