#pragma once
// Measured traffic to replay: one matrix a name, as CSV name,source,destination,bytes. Pairs that
// have no row exchange nothing.

#include <map>
#include <string>

#include "calibrate/all2all/exchange_case.hpp"

namespace moeplan::calibrate {

// content: of the file, which messages call `file`. Throws: InputError for missing columns, ranks
// that are not below `ranks`, bytes that are not whole or above 2^31 - 1, a pair that is there
// twice, a name that cannot stand in an id (letters, digits, _ . -).
std::map<std::string, ByteMatrix> replayed_matrices(const std::string& content,
                                                    const std::string& file, int ranks);

}  // namespace moeplan::calibrate
