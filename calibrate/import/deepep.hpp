#pragma once
// Rows of expert exchanges in aiconfigurator's tables: DeepEP's two kinds of kernels and
// TensorRT-LLM's all-to-all. Private to calibrate/import: aiconfigurator.cpp knows the kinds.
// Source: github.com/ai-dynamo/aiconfigurator, collector/ (deepep, trtllm); DeepEP tests/.

#include <string>
#include <vector>

#include "calibrate/import/table_row.hpp"

namespace moeplan::calibrate {

// Columns that tell the tables apart, and those that hold results.
std::vector<std::string> deepep_normal_columns();
std::vector<std::string> deepep_normal_results();
std::vector<std::string> deepep_low_latency_columns();
std::vector<std::string> deepep_low_latency_results();
std::vector<std::string> trtllm_alltoall_columns();

// Both DeepEP tables: microseconds; num_token is of one rank; 8 GPUs a node; a row holds a dispatch
// (8-bit rows with scales) and a combine (16-bit rows), so it becomes two samples. Normal mode:
// the exchange of sizes (notify) precedes the transfer and counts. Bandwidths follow from the rest.
void read_deepep_normal(const TableRow& row, models::Measurements& out);
void read_deepep_low_latency(const TableRow& row, models::Measurements& out);
// Milliseconds; 4 GPUs a node; kernel_source "trtllm_<its own name>", with
// "_prepare" for the kernel before the dispatch (sizes and indices) and "_low_precision" for a
// combine that quantises. Precision: of the MoE layer.
void read_trtllm_alltoall(const TableRow& row, models::Measurements& out);

}  // namespace moeplan::calibrate
