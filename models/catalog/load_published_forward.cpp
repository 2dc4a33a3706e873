// Printed forward passes: data/published.

#include <algorithm>
#include <filesystem>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kCount{.low = 1.0, .high = 1e6};
const std::vector<std::string> kQuantities = {"pass", "all2all", "experts"};
const std::vector<std::string> kUses = {"fit", "growth", "check"};

// Of a choice that was read; the first where it was wrong, which is a problem of the file already.
template <class Enum>
Enum as_enum(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return static_cast<Enum>(found == names.end() ? 0 : found - names.begin());
}

ForwardPoint read_point(text::Reader& entry, const Sources& sources) {
  ForwardPoint point;
  point.figure = entry.string("figure");
  point.model = entry.string("model");
  point.gpus = entry.count("gpus", kCount);
  point.expert_ranks = entry.count("expert_parallel", kCount);
  point.sequences = entry.count("sequences", kCount);
  point.length = entry.count("tokens", kCount);
  point.quantity = as_enum<ForwardQuantity>(kQuantities, entry.choice("quantity", kQuantities));
  point.use = as_enum<ForwardUse>(kUses, entry.choice("use", kUses));
  point.duration = entry.quantity<kTime>("duration");
  point.source = sources.of(entry);
  if (point.gpus > 0 && point.expert_ranks > 0 && point.gpus % point.expert_ranks != 0) {
    entry.problem("expert_parallel", "E_VALUE", "the GPUs do not split into such groups",
                  "a divisor of gpus");
  }
  entry.finish();
  return point;
}

}  // namespace

PublishedForward load_published_forward(const std::string& id_or_path) {
  const std::filesystem::path path =
      named_path("published", "published forward passes", id_or_path);
  const std::string content = text::read_file(path);
  const text::Document document = text::parse_yaml(content, path.string());
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.published_forward", 1, 1);
  const Sources sources(file);
  PublishedForward published;
  published.file = path.filename().string();
  published.sha256 = text::sha256(content);
  published.hardware = file.string("hardware");
  published.title = file.string("title");
  for (text::Reader& entry : file.sections("points")) {
    published.points.push_back(read_point(entry, sources));
  }
  file.finish();
  problems.throw_if_any();
  return published;
}

std::filesystem::path static_forward_path(const std::string& id_or_path) {
  return named_path("static_forward", "law of static forward passes", id_or_path);
}

}  // namespace moeplan::models
