#pragma once
// Results from wherever shards, ranks and earlier runs left them, in one store; and out of it.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sim/sweep/result_store.hpp"
#include "sim/sweep/shard.hpp"

namespace moeplan::sim {

// The folder that moeplan sweep -o names: one journal a shard, and the store of all.
class SweepFolder {
 public:
  explicit SweepFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path journal(const Shard& shard) const;  // shard-0-of-4.jsonl
  std::filesystem::path store() const { return path_ / "results.sqlite"; }
  // Of these, the files that are there, sorted by name. Throws: InputError E_IO where it is no
  // folder.
  std::vector<std::filesystem::path> files() const;

 private:
  std::filesystem::path path_;
};

// The files with results that a name stands for: those of a folder, or the file itself.
// Throws: InputError E_IO where nothing is there.
std::vector<std::filesystem::path> result_files(const std::filesystem::path& name);

// Every row of a journal or a store, whichever the file is. check(info) comes before the first row.
// Throws: InputError E_SCHEMA for a file that is neither, or as its reader.
void read_results(const std::filesystem::path& file,
                  const std::function<void(const SweepInfo&)>& check,
                  const std::function<void(const Row&)>& use);

// Adds all rows of the files to the store, or none. Any order, any number of times: the same store.
// Throws: InputError naming the file that is of another sweep, damaged, or contradicts a row;
// nothing is added then.
void merge_into(ResultStore& store, const std::vector<std::filesystem::path>& files);

// All rows in the order of the tasks: a header and a line each, or an object each, absent cells
// empty or null. The same bytes however the rows came about.
// Throws: InputError E_VALUE for a store without results.
std::string export_csv(const ResultStore& store);
std::string export_jsonl(const ResultStore& store);

// "9,990 of 10,000 points; missing: 3, 17, 20 and 7 more", or "all 10,000 points".
std::string completeness(const ResultStore& store);

}  // namespace moeplan::sim
