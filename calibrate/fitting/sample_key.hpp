#pragma once
// What a sample is called in reports: its family, its shape (what is held out together), and the
// one argument that tells small calls from large ones.

#include <string>
#include <tuple>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

struct SampleKey {
  std::string kernel;         // family id of interface.md
  std::string kernel_source;  // as fits name it (mla: with kind and products, see mla_source)
  std::string dtype;          // attention and mla: of the cache
  std::string distribution;   // "" where routing plays no part
  std::string shape;
  std::string series;  // the shape and all else but `work` that sets the time: a line of a picture
  std::string axis;    // of `work`: tokens, rows, sequences, bytes
  double work = 0.0;

  // The rows that one law describes: kernel, source, dtype.
  std::tuple<std::string, std::string, std::string> family() const {
    return {kernel, kernel_source, dtype};
  }
};

SampleKey sample_key(const models::ExpertSample& sample);
SampleKey sample_key(const models::DenseSample& sample);
SampleKey sample_key(const models::AttentionSample& sample);
SampleKey sample_key(const models::LatentSample& sample);
SampleKey sample_key(const models::CollectiveSample& sample);
SampleKey sample_key(const models::StreamSample& sample);
// Sources as in fit reports: "deepep_ll_dispatch_1node".
SampleKey sample_key(const models::ExchangeSample& sample);

// visit(vector of one kind of samples), for every kind; file: Measurements or const Measurements.
template <class File, class Visit>
void for_each_kind(File& file, Visit visit) {
  visit(file.experts);
  visit(file.dense);
  visit(file.attention);
  visit(file.latent);
  visit(file.collectives);
  visit(file.streams);
  visit(file.exchanges);
}

}  // namespace moeplan::calibrate
