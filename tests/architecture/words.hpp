#pragma once
// Looking for whole words in a line of code.

#include <optional>
#include <string>
#include <string_view>

namespace moeplan::architecture {

// The position of the word (no letter, digit or _ on either side), or nullopt.
std::optional<std::size_t> find_word(std::string_view code, std::string_view word,
                                     std::size_t from = 0);

// Whether the word is called as a function, not as a member: exit(1), not queue.exit().
bool calls(std::string_view code, std::string_view word);

// The name in an #include line with its opening bracket kept, or "": `#include <map>` -> "<map".
// line: as written; code: the same with comments and literals blanked.
std::string included_name(const std::string& line, const std::string& code);

}  // namespace moeplan::architecture
