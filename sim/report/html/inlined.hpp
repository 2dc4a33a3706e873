#pragma once
// Files that the build made part of the program (CMakeLists.txt): what the page inlines.

#include <string_view>

namespace moeplan::sim {

// page.css and page.js.
std::string_view page_style();
std::string_view page_script();
// vega, vega-lite and vega-embed in one, and their licences; empty where they could not be fetched.
std::string_view bundle();
std::string_view licences();

}  // namespace moeplan::sim
