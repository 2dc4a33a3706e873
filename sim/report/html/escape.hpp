#pragma once
// Strings of users in a page: nothing they hold can end the element or attribute they stand in.

#include <string>
#include <string_view>

namespace moeplan::sim {

// For text and quoted attributes: & < > " ' become entities, control characters a replacement.
std::string escape_html(std::string_view text);

// JSON text for a <script> element: < > & as \u00xx inside its strings (outside of them JSON has
// none), so that no string can end the element or begin a comment.
std::string escape_script_json(std::string_view json);

}  // namespace moeplan::sim
