#pragma once
// expect_input_error: wrong input must be refused, and the message must help.

#include <functional>
#include <string>
#include <vector>

#include "models/text/input_error.hpp"

namespace moeplan::tests {

// Runs `action` and fails unless it throws InputError with a problem that has the code and whose
// text() contains every one of the parts. Returns all problems (empty when nothing was thrown).
std::vector<Problem> expect_input_error_with(const std::function<void()>& action,
                                             const std::string& code,
                                             const std::vector<std::string>& parts);

//   expect_input_error([&] { load_yaml(path); }, "E_SYNTAX", "scenario.yaml:3:1", "tab");
template <class... Parts>
std::vector<Problem> expect_input_error(const std::function<void()>& action,
                                        const std::string& code, const Parts&... parts) {
  return expect_input_error_with(action, code, std::vector<std::string>{parts...});
}

}  // namespace moeplan::tests
