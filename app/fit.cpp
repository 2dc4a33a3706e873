// moeplan fit: measurements of kernels and collectives in, the profile of a device out.

#include "app/subcommand.hpp"

namespace moeplan::app {

void add_fit(CLI::App&, int&) {}

}  // namespace moeplan::app
