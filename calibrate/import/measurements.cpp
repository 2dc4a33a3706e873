#include "calibrate/import/measurements.hpp"

#include "calibrate/import/table_format.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {

models::Measurements parse_measurements(const std::string& content, const std::string& file) {
  std::vector<const TableFormat*> formats;
  for (const std::vector<TableFormat>* project :
       {&aiconfigurator_formats(), &infersim_formats(), &frontier_formats(),
        &llmservingsim_formats(), &apexplus_formats()}) {
    const std::vector<const TableFormat*> more = pointers(*project);
    formats.insert(formats.end(), more.begin(), more.end());
  }
  return read_as_one_of(formats, content, file);
}

models::Measurements import_measurements(const std::filesystem::path& path) {
  return parse_measurements(text::read_file(path), path.string());
}

}  // namespace moeplan::calibrate
