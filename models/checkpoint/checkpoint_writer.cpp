#include <fmt/format.h>

#include "models/checkpoint/checkpoint.hpp"
#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {

CheckpointWriter::CheckpointWriter(std::filesystem::path directory,
                                   std::vector<std::string> shard_names, std::string index_name,
                                   std::vector<std::map<std::string, std::string>> metadata)
    : directory_(std::move(directory)),
      shard_names_(std::move(shard_names)),
      index_name_(std::move(index_name)),
      metadata_(std::move(metadata)) {
  require(shard_names_.size() == metadata_.size(), "each shard has its metadata");
}

void CheckpointWriter::declare(const std::string& name, Dtype dtype,
                               std::vector<std::int64_t> shape, std::size_t shard) {
  require(files_.empty() && shard < shard_names_.size(), "tensors are declared before writing");
  TensorInfo info;
  info.dtype = dtype;
  info.shape = std::move(shape);
  require(places_.try_emplace(name, Place{shard, std::move(info), 0}).second,
          "a tensor is declared once");
}

void CheckpointWriter::begin() {
  for (std::size_t shard = 0; shard < shard_names_.size(); ++shard) {
    std::vector<std::pair<std::string, TensorInfo>> tensors;
    for (const auto& [name, place] : places_) {
      if (place.shard == shard) {
        tensors.emplace_back(name, place.info);
      }
    }
    const std::string header = write_safetensors_header(tensors, metadata_[shard]);
    const std::size_t size = tensors.empty() ? header.size() : tensors.back().second.end;
    files_.emplace_back(directory_ / shard_names_[shard], size);
    files_.back().write(0, std::as_bytes(std::span(header)));
    for (const auto& [name, info] : tensors) {
      places_.at(name).info = info;
    }
  }
}

void CheckpointWriter::write(const std::string& name, std::span<const std::byte> bytes,
                             std::size_t offset) {
  const auto found = places_.find(name);
  require(found != places_.end() && !files_.empty(), "a tensor is declared before it is written");
  Place& place = found->second;
  const std::size_t size = place.info.end - place.info.begin;
  require(offset <= size && bytes.size() <= size - offset, "bytes of a tensor stay inside it");
  files_[place.shard].write(place.info.begin + offset, bytes);
  place.written += bytes.size();
}

std::size_t CheckpointWriter::bytes() const {
  std::size_t sum = 0;
  for (const auto& [name, place] : places_) {
    sum += static_cast<std::size_t>(place.info.elements()) * bytes_of(place.info.dtype);
  }
  return sum;
}

void CheckpointWriter::finish() {
  text::Json map = text::Json::object();
  for (const auto& [name, place] : places_) {
    require(place.written == place.info.end - place.info.begin, "every tensor is written once");
    map.set(name, shard_names_[place.shard]);
  }
  for (const OutputFile& file : files_) {
    file.sync();
  }
  if (!index_name_.empty()) {
    text::write_file(directory_ / index_name_,
                     text::Json::object()
                         .set("metadata", text::Json::object().set("total_size", bytes()))
                         .set("weight_map", std::move(map))
                         .pretty());
  }
}

}  // namespace moeplan::models
