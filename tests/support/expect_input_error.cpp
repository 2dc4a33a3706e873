#include "tests/support/expect_input_error.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace moeplan::tests {

std::vector<Problem> expect_input_error_with(const std::function<void()>& action,
                                             const std::string& code,
                                             const std::vector<std::string>& parts) {
  std::string wanted = code;
  for (const std::string& part : parts) {
    wanted += " | " + part;
  }
  try {
    action();
  } catch (const InputError& error) {
    const bool found =
        std::any_of(error.problems().begin(), error.problems().end(), [&](const Problem& problem) {
          return problem.code == code &&
                 std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
                   return problem.text().find(part) != std::string::npos;
                 });
        });
    EXPECT_TRUE(found) << "wanted: " << wanted << "\nthrown: " << error.what();
    return error.problems();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "wanted InputError: " << wanted << "\nthrown: " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown; wanted: " << wanted;
  return {};
}

}  // namespace moeplan::tests
