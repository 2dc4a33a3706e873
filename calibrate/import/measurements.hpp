#pragma once
// import_measurements: any file of measurements that moeplan reads. The kind is known from the
// columns (and, where two projects share them, from the path); the hardware is the caller's to say.

#include <filesystem>
#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Projects: aiconfigurator.hpp, infersim.hpp, frontier.hpp, llmservingsim.hpp, apexplus.hpp.
// Throws: InputError E_MISSING for a file whose columns fit no kind (lists the kinds), else as the
// project's parse function: all bad rows at once, with file and line.
models::Measurements import_measurements(const std::filesystem::path& path);
// The same for text in memory; `file` names it in errors, and its name may carry shapes.
models::Measurements parse_measurements(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
