#pragma once
// Catalog: models/data by name, into the types of models/*. A name is an id (the file's stem) or,
// where said so, a path (it contains '/' or ends in .yaml, .yml or .json). Every number in these
// files has a source; the readers refuse a file without it.
// Throws, all loaders: InputError for an unknown id (lists the valid ones, did-you-mean), for a
// wrong file (all its problems at once), or for a data directory that is nowhere.

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"
#include "models/accuracy/accuracy_table.hpp"
#include "models/accuracy/top_k_curve.hpp"
#include "models/architecture/smoe_architecture.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/hardware/node.hpp"
#include "models/latency/published_forward.hpp"
#include "models/price/price_book.hpp"

namespace moeplan::models {

// The first that exists of: $MOEPLAN_DATA (if set, the only candidate); <executable's
// directory>/../../models/data; <executable's directory>/../share/moeplan/data; models/data of the
// source tree the build was configured from. Throws: InputError E_IO naming all that were tried.
std::filesystem::path data_dir();

// A path: a file of the same form, e.g. what moeplan-measure writes; its id is the file's stem.
Gpu load_gpu(const std::string& id_or_path);
Fabric load_fabric(const std::string& id);
Node load_node(const std::string& id);
PriceBook load_price_book(const std::string& id_or_path);
AccuracyCurve load_accuracy(const std::string& id_or_path);
AccuracyTable load_accuracy_table(const std::string& id_or_path);
// Accuracy against experts per token, all experts resident: data/accuracy/top_k.
TopKCurve load_top_k_curve(const std::string& id_or_path);
// Any of the three: an id (a curve before a table before a top-k curve), `tables/ID` or `top_k/ID`
// where two share an id, or a path, whose schema decides.
using AccuracyData = std::variant<AccuracyCurve, AccuracyTable, TopKCurve>;
AccuracyData load_accuracy_data(const std::string& id_or_path);
// A path to a Hugging Face config.json (or a YAML of the same keys), or an id of
// data/architectures.
SmoeArchitecture load_architecture(const std::string& id_or_path);
// The fitted laws of a device: data/profiles/<id>.json or .yaml, or the path itself.
std::filesystem::path profile_path(const std::string& id_or_path);
// Printed forward passes (data/published), and the law of a GPU fitted to them
// (data/static_forward, a profile of its own). An id, or a path.
PublishedForward load_published_forward(const std::string& id_or_path);
std::filesystem::path static_forward_path(const std::string& id_or_path);

// Ids in data/<folder> (gpus fabrics nodes prices accuracy accuracy/tables accuracy/top_k
// profiles published static_forward), sorted; empty when the folder is not there.
std::vector<std::string> catalog_ids(const std::string& folder);

}  // namespace moeplan::models
