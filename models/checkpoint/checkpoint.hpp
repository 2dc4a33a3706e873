#pragma once
// Checkpoint: the tensors of a model's safetensors files, one or sharded, memory-mapped; and
// CheckpointWriter, which writes such files tensor by tensor in any order.

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/checkpoint/mapped_file.hpp"
#include "models/checkpoint/safetensors_header.hpp"

namespace moeplan::models {

class Checkpoint {
 public:
  // A .safetensors file, an index .json, or a directory with model.safetensors or else
  // model.safetensors.index.json. Throws: InputError: as parse_safetensors_header; an index that
  // names a shard or a tensor that is not there, a file outside the directory, or leaves a tensor
  // of a shard out; no safetensors in the directory.
  static Checkpoint open(const std::filesystem::path& path);

  struct Tensor {
    TensorInfo info;
    std::size_t shard = 0;
  };
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  const Tensor* find(const std::string& name) const;  // nullptr: not there
  // Throws: InputError E_MISSING naming the tensor.
  const Tensor& tensor(const std::string& name) const;
  std::span<const std::byte> bytes(const Tensor& tensor) const;
  // Converted to float. Throws: InputError E_TYPE for a dtype that is no weight's.
  void read(const std::string& name, std::span<float> into) const;
  // Pages of this tensor may go.
  void release(const Tensor& tensor) const;

  const std::string& name() const { return name_; }  // as the user named it
  bool sharded() const { return !index_.empty(); }
  const std::string& index_name() const { return index_; }  // file name; empty: not sharded
  const std::vector<std::string>& shard_names() const { return shard_names_; }
  const std::map<std::string, std::string>& metadata(std::size_t shard) const {
    return metadata_[shard];
  }

 private:
  void add_shard(const std::filesystem::path& path);
  void read_index(const std::filesystem::path& path);

  std::string name_;
  std::string index_;
  std::vector<std::string> shard_names_;
  std::vector<MappedFile> files_;
  std::vector<std::map<std::string, std::string>> metadata_;
  std::map<std::string, Tensor> tensors_;
};

// Declare all tensors, begin(), write each one wholly, finish(). What is not written is a bug.
class CheckpointWriter {
 public:
  // Shards with these file names in this directory, which exists; index_name empty: no index.
  CheckpointWriter(std::filesystem::path directory, std::vector<std::string> shard_names,
                   std::string index_name,
                   std::vector<std::map<std::string, std::string>> metadata);

  void declare(const std::string& name, Dtype dtype, std::vector<std::int64_t> shape,
               std::size_t shard);
  // Creates the files. Throws: std::system_error.
  void begin();
  // bytes of the tensor from `offset` on. Throws: std::system_error; std::logic_error for a tensor
  // that was not declared, or bytes beyond its end.
  void write(const std::string& name, std::span<const std::byte> bytes, std::size_t offset = 0);
  // Writes the index and syncs. Throws: std::system_error; std::logic_error when bytes are missing.
  void finish();
  std::size_t bytes() const;  // of all tensors

 private:
  struct Place {
    std::size_t shard = 0;
    TensorInfo info;
    std::size_t written = 0;
  };
  std::filesystem::path directory_;
  std::vector<std::string> shard_names_;
  std::string index_name_;
  std::vector<std::map<std::string, std::string>> metadata_;
  std::vector<OutputFile> files_;
  std::map<std::string, Place> places_;
};

}  // namespace moeplan::models
