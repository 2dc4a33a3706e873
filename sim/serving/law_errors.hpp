#pragma once
// LawErrors: how far off the cost laws are in one run, in standard deviations of their own errors
// (LawInfo::discrepancy_sd_log), one number for each family of kernels: all calls of a family err
// alike (calibration.md A6: errors drawn per call would average away over a run).

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace moeplan::sim {

class LawErrors {
 public:
  // The same for all families: 0 is the laws' estimate, -+1.645 the 5th and 95th percentile.
  LawErrors(double every = 0.0) : every_(every) {}
  // By family as laws name theirs ("expert", "attention_decode", "allreduce", ...); others: 0.
  explicit LawErrors(const std::map<std::string, double>& by_kernel)
      : by_kernel_(by_kernel.begin(), by_kernel.end()) {}

  double of(std::string_view kernel) const {
    const auto found = by_kernel_.find(kernel);
    return found == by_kernel_.end() ? every_ : found->second;
  }

 private:
  double every_ = 0.0;
  std::map<std::string, double, std::less<>> by_kernel_;
};

}  // namespace moeplan::sim
