#pragma once
// Private to calibrate/import: rows of aiconfigurator's mla_module tables.

#include "calibrate/import/table_row.hpp"

namespace moeplan::calibrate {

// A whole latent-attention block of the model the row names: products, attention, what lies
// between; norms before the block and the all-reduce after it are not in it.
// Traps: num_heads are those of the rank (tp_size is 1 in every row; others are refused, because
// nothing says whether num_heads is before or after the split); step is the history; isl 1 is a
// decode step in either table; prompts up to the backend's threshold run in the decode kernel, the
// others in kernel_source FLASH_ATTN.
// Throws: InputError E_VALUE for unknown models, kernel sources of prompts, tp_size above 1 and
// attention in other than 16 bits.
void read_latent(const TableRow& row, models::Measurements& out);

}  // namespace moeplan::calibrate
