#include "models/checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

[[noreturn]] void fail(const std::string& file, const char* code, std::string what,
                       std::string expected = "", std::string fix = "") {
  throw InputError(Problem{.code = code,
                           .file = file,
                           .what = std::move(what),
                           .expected = std::move(expected),
                           .fix = std::move(fix)});
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& path) {
  Checkpoint checkpoint;
  checkpoint.name_ = path.string();
  std::error_code none;
  if (!fs::is_directory(path, none)) {
    path.extension() == ".json" ? checkpoint.read_index(path) : checkpoint.add_shard(path);
  } else if (fs::exists(path / kSingle, none)) {
    checkpoint.add_shard(path / kSingle);
  } else if (fs::exists(path / kIndex, none)) {
    checkpoint.read_index(path / kIndex);
  } else {
    fail(path.string(), "E_MISSING", "the directory holds no safetensors checkpoint",
         fmt::format("{} or {}", kSingle, kIndex));
  }
  return checkpoint;
}

void Checkpoint::add_shard(const fs::path& path) {
  files_.emplace_back(path);
  SafetensorsHeader header = parse_safetensors_header(files_.back().bytes(), path.string());
  const std::size_t shard = shard_names_.size();
  shard_names_.push_back(path.filename().string());
  metadata_.push_back(std::move(header.metadata));
  for (auto& [name, info] : header.tensors) {
    const auto [there, is_new] = tensors_.try_emplace(name, Tensor{std::move(info), shard});
    if (!is_new) {
      fail(path.string(), "E_DUPLICATE",
           fmt::format("tensor '{}' is also in {}", name, shard_names_[there->second.shard]));
    }
  }
}

void Checkpoint::read_index(const fs::path& path) {
  index_ = path.filename().string();
  const text::Document document = text::load_json(path);
  const text::Node* map =
      document.root.kind == text::Kind::map ? document.root.find("weight_map") : nullptr;
  if (map == nullptr || map->kind != text::Kind::map) {
    fail(path.string(), "E_MISSING", "the index has no object 'weight_map'");
  }
  std::map<std::string, std::string> shard_of;
  std::vector<std::string> shards;
  for (const text::Node::Entry& entry : map->entries) {
    const std::string& shard = entry.value.scalar;
    if (entry.value.kind != text::Kind::string || shard.empty() ||
        fs::path(shard).filename() != fs::path(shard) || shard == "..") {
      fail(path.string(), "E_VALUE",
           fmt::format("weight_map of tensor '{}' is no file name beside the index", entry.key));
    }
    shard_of.emplace(entry.key, shard);
    if (std::find(shards.begin(), shards.end(), shard) == shards.end()) {
      shards.push_back(shard);
    }
  }
  std::sort(shards.begin(), shards.end());
  for (const std::string& shard : shards) {
    std::error_code none;
    if (!fs::exists(path.parent_path() / shard, none)) {
      fail(path.string(), "E_MISSING",
           fmt::format("the index names shard '{}', which is not there", shard));
    }
    add_shard(path.parent_path() / shard);
  }
  for (const auto& [tensor, shard] : shard_of) {
    const Tensor* found = find(tensor);
    if (found == nullptr || shard_names_[found->shard] != shard) {
      fail(path.string(), "E_MISSING",
           fmt::format("the index names tensor '{}', which is not in shard '{}'", tensor, shard));
    }
  }
  for (const auto& [name, tensor] : tensors_) {
    if (!shard_of.contains(name)) {
      fail(path.string(), "E_MISSING",
           fmt::format("tensor '{}' of shard '{}' is not in the index", name,
                       shard_names_[tensor.shard]));
    }
  }
}

const Checkpoint::Tensor* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Checkpoint::Tensor& Checkpoint::tensor(const std::string& name) const {
  const Tensor* found = find(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const auto& [other, tensor] : tensors_) {
      names.push_back(other);
    }
    fail(name_, "E_MISSING", fmt::format("the checkpoint has no tensor '{}'", name), "",
         did_you_mean(name, names));
  }
  return *found;
}

std::span<const std::byte> Checkpoint::bytes(const Tensor& tensor) const {
  return files_[tensor.shard].bytes().subspan(tensor.info.begin,
                                              tensor.info.end - tensor.info.begin);
}

void Checkpoint::read(const std::string& name, std::span<float> into) const {
  const Tensor& found = tensor(name);
  if (!is_weight(found.info.dtype)) {
    fail(name_, "E_TYPE",
         fmt::format("tensor '{}' is stored as {}", name, name_of(found.info.dtype)),
         "F32, F16, BF16, F8_E4M3 or F8_E5M2", "dequantise the checkpoint first");
  }
  read_floats(found.info.dtype, bytes(found), into);
}

void Checkpoint::release(const Tensor& tensor) const {
  files_[tensor.shard].release(bytes(tensor));
}

}  // namespace moeplan::models
