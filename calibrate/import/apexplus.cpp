#include "calibrate/import/apexplus.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "calibrate/import/table_format.hpp"

namespace moeplan::calibrate {
namespace {

using models::Collective;
using models::Measurements;

constexpr double kKibibyte = 1024.0;
constexpr std::int64_t kLeastKib = 64;

Collective operation_of(const std::string& file) {
  const std::string name = std::filesystem::path(file).stem().string();
  const std::pair<const char*, Collective> kOperations[] = {
      {"all_reduce", Collective::all_reduce},
      {"all_gather", Collective::all_gather},
      {"reduce_scatter", Collective::reduce_scatter},
      {"alltoall", Collective::all_to_all}};
  for (const auto& [part, operation] : kOperations) {
    if (name.ends_with(part)) {
      return operation;
    }
  }
  throw InputError({.code = "E_VALUE",
                    .file = file,
                    .mark = {},
                    .pointer = "",
                    .what = "the operation is in the file's name",
                    .got = "'" + name + "'",
                    .expected = "a name that ends in all_gather, all_reduce, alltoall or "
                                "reduce_scatter",
                    .fix = name.ends_with("sendrecv") ? "no law is of two ranks alone" : ""});
}

RowReader reader(const text::CsvTable& table) {
  const Collective operation = operation_of(table.file());
  const std::string gpu = table.rows() > 0 ? table.cell(0, table.column("gpu")) : "";
  std::size_t small = 0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    try {
      small += table.count(i, table.column("size(kb)")) < kLeastKib ? 1 : 0;
    } catch (const InputError&) {
      // reported with its row
    }
  }
  return [operation, gpu, small](const TableRow& row, Measurements& out) {
    if (row.text("gpu") != gpu) {
      row.fail("gpu", "E_VALUE", "two devices in one file", "'" + gpu + "'");
    }
    if (row.count("num_nodes", {.low = 1.0}) != 1) {
      row.fail("num_nodes", "E_VALUE", "several nodes: topologies are never pooled", "1");
    }
    const std::int64_t kib = row.count("size(kb)", text::kNonNegative);
    models::CollectiveSample sample;
    sample.origin = {.kernel_source = "nccl_back_to_back", .line = row.line()};
    sample.origin.precision = row.precision("dtype");
    sample.origin.seconds = row.seconds("time(us)", 1e-6);
    sample.collective = operation;
    sample.ranks = static_cast<int>(row.count("num_gpus_per_node", {.low = 2.0}));
    sample.bytes = static_cast<double>(kib) * kKibibyte;
    if (row.index() == 0 && small > 0) {
      out.notes.push_back(fmt::format(
          "{} rows below {} KiB left out: whole microseconds say too little", small, kLeastKib));
    }
    if (kib >= kLeastKib) {
      out.collectives.push_back(sample);
    }
  };
}

}  // namespace

const std::vector<TableFormat>& apexplus_formats() {
  static const std::vector<TableFormat> formats{
      {.name = "apexplus collective",
       .source = "apexplus",
       .columns = {"gpu", "num_nodes", "num_gpus_per_node", "dtype", "size(kb)", "time(us)"},
       .path_parts = {},
       .measured = {"time(us)"},
       .repeats = false,
       .reader = reader},
  };
  return formats;
}

Measurements parse_apexplus(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(apexplus_formats()), content, file);
}

}  // namespace moeplan::calibrate
