#include "models/checkpoint/prune_checkpoint.hpp"

#include <fmt/format.h>

#include <set>

#include "models/checkpoint/config_json.hpp"
#include "models/checkpoint/expert_tensors.hpp"
#include "models/pruning/pruned_router.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMapSuffix = ".expert_map";

class Pruner {
 public:
  Pruner(const ModelFiles& model, const PruningPlan& plan, CheckpointLayout layout,
         const fs::path& output, int threads)
      : model_(model),
        checkpoint_(model.checkpoint()),
        plan_(plan),
        layout_(layout),
        output_(output),
        threads_(threads),
        writer_(output, checkpoint_.shard_names(), checkpoint_.index_name(), metadata()) {
    for (const std::size_t layer : model.architecture().moe_layers()) {
      names_.push_back(expert_names(model.architecture(), layer));
      experts_.push_back(expert_tensors(checkpoint_, model.architecture(), layer));
    }
  }

  CheckpointResult run(const std::function<void(std::size_t)>& before_layer) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      experts_[i]->declare(plan_.layers[i], writer_);
      declare_router(i);
    }
    const std::vector<std::string> others = declare_others();
    writer_.begin();
    for (const std::string& tensor : others) {
      const auto& from = checkpoint_.tensor(tensor);
      writer_.write(tensor, checkpoint_.bytes(from));
      checkpoint_.release(from);
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
      before_layer(i);
      write_router(i);
      write_experts(i);
    }
    writer_.finish();
    write_config();
    copy_other_files();
    result_.bytes = writer_.bytes();
    return std::move(result_);
  }

 private:
  std::vector<std::map<std::string, std::string>> metadata() const {
    std::vector<std::map<std::string, std::string>> all;
    for (std::size_t shard = 0; shard < checkpoint_.shard_names().size(); ++shard) {
      all.push_back(checkpoint_.metadata(shard));
    }
    return all;
  }

  std::vector<std::string> router_tensors(std::size_t i) const {
    std::vector<std::string> tensors = {names_[i].router};
    for (const std::string& bias : {names_[i].router_bias, names_[i].correction_bias}) {
      if (!bias.empty() && checkpoint_.find(bias) != nullptr) {
        tensors.push_back(bias);
      }
    }
    return tensors;
  }

  bool keeps_columns(std::size_t i) const {
    return plan_.router == RouterMode::merged_logits || plan_.layers[i].unchanged();
  }

  void declare_router(std::size_t i) {
    const auto kept = static_cast<std::int64_t>(plan_.layers[i].kept.size());
    for (const std::string& tensor : router_tensors(i)) {
      const auto& from = checkpoint_.tensor(tensor);
      std::vector<std::int64_t> shape = from.info.shape;
      shape.front() = keeps_columns(i) ? shape.front() : kept;
      writer_.declare(tensor, from.info.dtype, std::move(shape), from.shard);
      owned_.insert(tensor);
    }
    if (plan_.router == RouterMode::merged_logits && layout_ == CheckpointLayout::native) {
      writer_.declare(names_[i].router + kMapSuffix, Dtype::i64, {plan_.layers[i].experts},
                      checkpoint_.tensor(names_[i].router).shard);
    }
  }

  Eigen::VectorXf bias(const std::string& tensor) const {
    Eigen::VectorXf numbers;
    if (!tensor.empty() && checkpoint_.find(tensor) != nullptr) {
      numbers.resize(checkpoint_.tensor(tensor).info.elements());
      checkpoint_.read(tensor, {numbers.data(), static_cast<std::size_t>(numbers.size())});
    }
    return numbers;
  }

  void write_numbers(const std::string& tensor, std::span<const float> numbers) {
    const Dtype dtype = checkpoint_.tensor(tensor).info.dtype;
    std::vector<std::byte> bytes(numbers.size() * bytes_of(dtype));
    write_floats(dtype, numbers, bytes);
    writer_.write(tensor, bytes);
  }

  void write_router(std::size_t i) {
    const LayerPlan& plan = plan_.layers[i];
    const ExpertNames& names = names_[i];
    RouterWeights before;
    before.weight.resize(plan.experts, model_.architecture().hidden);
    checkpoint_.read(names.router,
                     {before.weight.data(), static_cast<std::size_t>(before.weight.size())});
    before.bias = bias(names.router_bias);
    before.correction_bias = bias(names.correction_bias);
    const RouterWeights after = pruned_router(before, plan, plan_.router, plan_.seed);
    write_numbers(names.router,
                  {after.weight.data(), static_cast<std::size_t>(after.weight.size())});
    if (after.bias.size() > 0) {
      write_numbers(names.router_bias,
                    {after.bias.data(), static_cast<std::size_t>(after.bias.size())});
    }
    if (after.correction_bias.size() > 0) {
      write_numbers(
          names.correction_bias,
          {after.correction_bias.data(), static_cast<std::size_t>(after.correction_bias.size())});
    }
    if (plan_.router == RouterMode::merged_logits && layout_ == CheckpointLayout::native) {
      std::vector<std::int64_t> map;
      for (const auto& index : plan.kept_index()) {
        map.push_back(index.value());
      }
      writer_.write(names.router + kMapSuffix, std::as_bytes(std::span(map)));
    }
  }

  // Kept experts of one member are copied byte for byte; the others are merged.
  void write_experts(std::size_t i) {
    const ExpertTensors& experts = *experts_[i];
    LayerPlan merged = plan_.layers[i];
    std::vector<std::size_t> index_of;  // of merged.kept in the plan's
    merged.kept.clear();
    for (std::size_t k = 0; k < plan_.layers[i].kept.size(); ++k) {
      const KeptExpert& kept = plan_.layers[i].kept[k];
      if (kept.members.size() == 1) {
        experts.copy(kept.anchor, k, writer_);
        experts.release(kept.anchor);
      } else {
        merged.kept.push_back(kept);
        index_of.push_back(k);
      }
    }
    result_.alignments.push_back(merge_layer(
        merged,
        [&](std::int32_t e) { return std::make_shared<const ExpertWeights>(experts.load(e)); },
        [&](std::size_t m, ExpertWeights&& weights) {
          experts.store(weights, merged.kept[m].anchor, index_of[m], writer_);
          for (const std::int32_t member : merged.kept[m].members) {
            experts.release(member);
          }
        },
        threads_));
  }

  // "model.layers.61." is behind the layers that the config counts: multi-token prediction.
  bool is_prediction_layer(const std::string& tensor) const {
    constexpr std::string_view kStart = "model.layers.";
    if (!tensor.starts_with(kStart)) {
      return false;
    }
    const std::size_t layer = std::strtoul(tensor.c_str() + kStart.size(), nullptr, 10);
    return layer >= model_.architecture().layers.size();
  }

  std::vector<std::string> declare_others() {
    std::vector<std::string> others;
    for (const auto& [name, tensor] : checkpoint_.tensors()) {
      bool owned = owned_.contains(name);
      for (const auto& experts : experts_) {
        owned = owned || experts->owns(name);
      }
      if (owned) {
        continue;
      }
      if (is_prediction_layer(name)) {
        dropped_prediction_ = true;
        continue;
      }
      writer_.declare(name, tensor.info.dtype, tensor.info.shape, tensor.shard);
      others.push_back(name);
    }
    if (dropped_prediction_) {
      result_.notes.push_back(
          "layers for multi-token prediction were left out (num_nextn_predict_layers 0): they have "
          "experts of their own, about which the router data says nothing");
    }
    return others;
  }

  void write_config() {
    const text::Document config = text::load_json(model_.directory() / "config.json");
    std::map<std::string, text::Json> replaced;
    std::map<std::string, text::Json> added;
    if (dropped_prediction_) {
      replaced["num_nextn_predict_layers"] = 0;
    }
    if (layout_ == CheckpointLayout::huggingface) {
      for (const char* key :
           {"num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts"}) {
        replaced[key] = plan_.equal_count().value();
      }
    } else {
      text::Json counts = text::Json::array();
      for (const LayerPlan& layer : plan_.layers) {
        counts.push(layer.kept.size());
      }
      replaced["model_type"] = "moeplan_native";
      added = {{"base_model_type", model_.architecture().model_type},
               {"experts_per_layer", std::move(counts)}};
    }
    text::write_file(output_ / "config.json", rewritten_config(config, replaced, added).pretty());
  }

  // Tokenizer, generation config, licence; not weights in other forms, which would be stale.
  void copy_other_files() const {
    static const std::set<std::string> kWeights = {".safetensors", ".bin", ".pt",   ".pth",
                                                   ".gguf",        ".h5",  ".onnx", ".msgpack"};
    for (const auto& entry : fs::directory_iterator(model_.directory())) {
      const fs::path& path = entry.path();
      const std::string name = path.filename().string();
      if (entry.is_regular_file() && !kWeights.contains(path.extension().string()) &&
          name != "config.json" && !name.ends_with(".index.json")) {
        fs::copy_file(path, output_ / name);
      }
    }
  }

  const ModelFiles& model_;
  const Checkpoint& checkpoint_;
  const PruningPlan& plan_;
  CheckpointLayout layout_;
  const fs::path& output_;
  int threads_;
  CheckpointWriter writer_;
  std::vector<ExpertNames> names_;                       // [MoE layers]
  std::vector<std::unique_ptr<ExpertTensors>> experts_;  // [MoE layers]
  std::set<std::string> owned_;                          // router tensors
  bool dropped_prediction_ = false;
  CheckpointResult result_;
};

}  // namespace

void check_layout(const PruningPlan& plan, CheckpointLayout layout, const std::string& file) {
  if (layout == CheckpointLayout::native) {
    return;
  }
  const auto fail = [&](std::string what) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = file,
                             .what = std::move(what),
                             .expected = "equal counts and a router with an output per expert",
                             .fix = "use --layout native"});
  };
  if (!plan.equal_count()) {
    std::string counts;
    for (const LayerPlan& layer : plan.layers) {
      counts += (counts.empty() ? "" : ", ") + std::to_string(layer.kept.size());
    }
    fail("the Hugging Face layout has one number of experts for all layers, the plan keeps " +
         counts);
  }
  if (plan.router == RouterMode::merged_logits) {
    for (const LayerPlan& layer : plan.layers) {
      if (!layer.unchanged()) {
        fail(
            "the Hugging Face layout cannot lead several router outputs to one expert "
            "(merged_logits)");
      }
    }
  }
}

CheckpointResult prune_checkpoint(const ModelFiles& model, const PruningPlan& plan,
                                  CheckpointLayout layout, const std::filesystem::path& output,
                                  int threads,
                                  const std::function<void(std::size_t)>& before_layer) {
  check_layout(plan, layout, model.directory().string());
  return Pruner(model, plan, layout, output, threads).run(before_layer);
}

}  // namespace moeplan::models
