#pragma once
// Our own file of measurements (JSON, schema moeplan-measurements): what `moeplan import` writes
// and fit and validate read, whatever format the numbers came in.

#include <string>
#include <vector>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

bool is_own_format(const std::string& content);

// Keys carry units (seconds_s, size_bytes); every row has its kernel_source, precision and the line
// of the file it came from; `files` lists those files with their checksums, sources and what was
// left out. Byte-stable. The files must be of one device: Throws: InputError E_VALUE naming both.
std::string measurements_text(const std::vector<models::Measurements>& files);

// Strict: unknown keys, other versions, values out of range are errors, all at once.
// Reading what was written gives the same samples, to the last bit.
models::Measurements parse_own_format(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
