#include "app/prune_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "models/text/input_error.hpp"

namespace moeplan::app {

namespace fs = std::filesystem;

void OutputDirectory::check_free(const fs::path& wanted) {
  std::error_code none;
  if (fs::exists(wanted, none) && !(fs::is_directory(wanted, none) && fs::is_empty(wanted, none))) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = wanted.string(),
                             .what = "the output is there already",
                             .expected = "a directory that is new or empty",
                             .fix = "name another one with -o, or remove it"});
  }
}

OutputDirectory::OutputDirectory(const fs::path& wanted) : wanted_(wanted.lexically_normal()) {
  check_free(wanted_);
  if (!wanted_.has_filename()) {  // "pruned/"
    wanted_ = wanted_.parent_path();
  }
  path_ = wanted_;
  path_ += fmt::format(".tmp-{}", ::getpid());
  fs::create_directories(path_);
}

OutputDirectory::~OutputDirectory() {
  if (!finished_) {
    std::error_code none;
    fs::remove_all(path_, none);
  }
}

void OutputDirectory::finish() {
  fs::rename(path_, wanted_);
  finished_ = true;
}

std::string prune_table(const models::PrunedModelFile& file, bool markdown) {
  std::string text = fmt::format("{}{} of {}, router {}\n\n", markdown ? "## " : "",
                                 name_of(file.method), file.checkpoint, name_of(file.router));
  text +=
      markdown
          ? "| layer | method | experts | kept | gap | mean gain | effective top-k | busiest |\n"
            "|---|---|---|---|---|---|---|---|\n"
          : fmt::format("{:>5}  {:<15} {:>7} {:>5} {:>9} {:>9} {:>9} {:>8}\n", "layer", "method",
                        "experts", "kept", "gap", "mean gain", "eff top-k", "busiest");
  for (const models::PrunedLayer& layer : file.layers) {
    double gain = 0.0;
    for (const models::MemberAlignment& a : layer.alignments) {
      gain += (a.cosine_after - a.cosine_before) / static_cast<double>(layer.alignments.size());
    }
    double sum = 0.0, most = 0.0;
    for (const std::int64_t pairs : layer.routing.pairs) {
      sum += static_cast<double>(pairs);
      most = std::max(most, static_cast<double>(pairs));
    }
    const auto kept = static_cast<double>(layer.plan.kept.size());
    const std::string gap =
        layer.plan.spectral_gap ? fmt::format("{:.4f}", *layer.plan.spectral_gap) : "-";
    const std::string mean = layer.alignments.empty() ? "-" : fmt::format("{:.4f}", gain);
    text += fmt::format(
        fmt::runtime(markdown ? "| {} | {} | {} | {} | {} | {} | {:.2f} | {:.2f} |\n"
                              : "{:>5}  {:<15} {:>7} {:>5} {:>9} {:>9} {:>9.2f} {:>8.2f}\n"),
        layer.plan.layer, name_of(layer.plan.method), layer.plan.experts, layer.plan.kept.size(),
        gap, mean, layer.routing.effective_top_k, sum > 0.0 ? most * kept / sum : 0.0);
  }
  for (const std::string& note : file.notes) {
    text += "\nnote: " + note + "\n";
  }
  return text;
}

}  // namespace moeplan::app
