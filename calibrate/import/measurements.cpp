#include "calibrate/import/measurements.hpp"

#include "calibrate/import/imb.hpp"
#include "calibrate/import/nccl_tests.hpp"
#include "calibrate/import/osu.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/import/table_format.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

// NAME.yaml beside NAME: what the caller does not say.
ImportOptions with_sidecar(ImportOptions options, const std::filesystem::path& path) {
  std::filesystem::path beside = path;
  beside += ".yaml";
  if (!std::filesystem::is_regular_file(beside)) {
    return options;
  }
  const text::Document document = text::load_yaml(beside);
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  const auto read = [&](const char* key, std::optional<int>& value, double least) {
    if (reader.has(key)) {
      const auto said = static_cast<int>(reader.count(key, {.low = least, .high = 1e6}));
      value = value ? value : said;
    }
  };
  read("ranks", options.ranks, 2.0);
  read("nodes", options.nodes, 1.0);
  if (reader.has("collective")) {
    const std::string said = reader.string("collective");
    options.collective = options.collective.empty() ? said : options.collective;
  }
  reader.finish();
  problems.throw_if_any();
  return options;
}

}  // namespace

models::Measurements parse_measurements(const std::string& content, const std::string& file,
                                        const ImportOptions& options) {
  if (is_own_format(content)) {
    return parse_own_format(content, file);
  }
  if (is_osu(content)) {
    return parse_osu(content, file, options);
  }
  if (is_imb(content)) {
    return parse_imb(content, file, options);
  }
  if (is_nccl_tests_json(content) || is_nccl_tests_text(content)) {
    return parse_nccl_tests(content, file, options);
  }
  std::vector<const TableFormat*> formats;
  for (const std::vector<TableFormat>* project :
       {&aiconfigurator_formats(), &infersim_formats(), &frontier_formats(),
        &llmservingsim_formats(), &apexplus_formats(), &vidur_formats(), &deepep_formats()}) {
    const std::vector<const TableFormat*> more = pointers(*project);
    formats.insert(formats.end(), more.begin(), more.end());
  }
  return read_as_one_of(formats, content, file, options.skip_bad_rows);
}

models::Measurements import_measurements(const std::filesystem::path& path,
                                         const ImportOptions& options) {
  return parse_measurements(text::read_file(path), path.string(), with_sidecar(options, path));
}

}  // namespace moeplan::calibrate
