#include "calibrate/measurement/preemption.hpp"

#include <sys/resource.h>

namespace moeplan::calibrate {

std::int64_t involuntary_switches() {
  struct rusage usage {};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

}  // namespace moeplan::calibrate
