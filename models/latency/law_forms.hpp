#pragma once
// The closed forms that a profile may name, and what each needs. One row a form; adding a form is
// a row here, its formula in its law's .cpp and a branch in that law's constructor.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moeplan::models {

struct LawForm {
  std::string_view name;
  std::vector<std::string_view> kernels;    // families that may use it
  std::vector<std::string_view> theta;      // fitted parameters it needs, all > 0
  std::vector<std::string_view> optional;   // parameters that may be absent: that term is zero
  std::vector<std::string_view> constants;  // numbers it needs that are not fitted
  std::vector<std::string_view> axes;       // names of its domain
};

// All forms, in the order of the families.
const std::vector<LawForm>& law_forms();
// nullptr when there is none of that name.
const LawForm* find_law_form(std::string_view name);
std::vector<std::string> law_form_names();

}  // namespace moeplan::models
