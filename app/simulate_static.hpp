#pragma once
// moeplan simulate of a scenario with engine.regime: static_forward: all its designs at once, since
// a pass is a closed form.

#include "app/choose_design.hpp"
#include "app/subcommand.hpp"

namespace moeplan::app {

// choice: --experts-kept, --gpu and --gpus narrow the designs; the others mean nothing here.
// Throws: CLI::ValidationError for those, and when no design is left; InputError.
int simulate_static(const CommonOptions& common, const DesignChoice& choice);

}  // namespace moeplan::app
