// Suite `pruning` of ./moeplan bench: each step of UNCURL against a bound or a known
// implementation, measured in turns in the same run; one layer of the paper's 354M+128e in memory;
// gated layers of Mixtral's and Qwen3-30B's shapes from file to file, as child processes.
// SciPy and scikit-learn are asked through python3 where it has them; without them the two
// speed-ups are null and `pruning_how` says why.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "models/checkpoint/mapped_file.hpp"
#include "models/pruning/linear_assignment.hpp"
#include "models/pruning/merge_layer.hpp"
#include "models/pruning/parallel.hpp"
#include "models/pruning/plan_pruning.hpp"
#include "models/pruning/spectral_clustering.hpp"
#include "models/text/json.hpp"
#include "tests/speed/bench_main.hpp"
#include "tests/speed/child.hpp"
#include "tests/speed/pruning_inputs.hpp"

namespace {

using namespace moeplan::models;
using moeplan::speed::fill_random;
using moeplan::speed::grouped_logits;
using moeplan::speed::ScratchFolder;
using moeplan::text::Json;

const int kThreads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));

template <class Work>
double seconds(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Processor time of all threads: what other programs take does not count.
double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

void write_bytes(const std::string& file, const void* bytes, std::size_t size) {
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}

// The first python3 with this module; nullopt: none.
std::optional<std::string> python_with(const std::string& module) {
  const char* chosen = std::getenv("MOEPLAN_PYTHON");
  for (const std::string& name :
       {std::string(chosen == nullptr ? "python3" : chosen), std::string("/usr/bin/python3")}) {
    try {
      moeplan::speed::run({name, "-c",
                           "import importlib.util, sys\n"
                           "sys.exit(importlib.util.find_spec('" +
                               module + "') is None)"});
      return name;
    } catch (const std::exception&) {
    }
  }
  return std::nullopt;
}

// Runs the script; returns the numbers that it prints.
std::vector<double> python(const std::string& name, const std::string& script,
                           const ScratchFolder& folder) {
  moeplan::speed::run({name, "-c", script}, folder / "out.txt");
  std::ifstream in(folder / "out.txt");
  std::vector<double> numbers;
  for (double x = 0.0; in >> x;) {
    numbers.push_back(x);
  }
  return numbers;
}

struct Figures {
  Json keys = Json::object();
  std::string how;
  // Said at once too: the suite takes minutes.
  void add(const std::string& sentence) {
    fmt::print(stderr, "pruning_bench: {}\n", sentence);
    how += (how.empty() ? "" : "; ") + sentence;
  }
};

// 1e6 tokens of 128 experts from a file in the page cache. The bound is the slower of the same
// SSYRK on the same blocks in memory and of reading the file's bytes, both on all cores.
void similarity(Figures& figures) {
  constexpr std::int64_t kExperts = 128, kTokens = 1'000'000, kBlock = 1024;
  const ScratchFolder folder;
  std::vector<float> logits(static_cast<std::size_t>(kExperts * kTokens));
  fill_random(logits.data(), logits.size(), 1);
  write_bytes(folder / "logits", logits.data(), logits.size() * sizeof(float));
  const std::int64_t blocks = kTokens / kBlock;
  double ours = 1e9, products = 1e9, reading = 1e9;
  for (int round = 0; round < 5; ++round) {
    ours = std::min(
        ours, seconds([&] {
          const MappedFile file(folder / "logits");
          const auto* numbers = reinterpret_cast<const float*>(file.bytes().data());
          (void)router_similarity(gram_of_logits(numbers, kTokens, kExperts, kThreads).gram());
        }));
    products = std::min(
        products, seconds([&] {
          for_each_index(static_cast<std::size_t>(kThreads), kThreads, [&](std::size_t thread) {
            FloatMatrix gram(kExperts, kExperts);
            for (std::int64_t b = static_cast<std::int64_t>(thread); b < blocks; b += kThreads) {
              gram_of_rows(logits.data() + b * kBlock * kExperts, kBlock, kExperts, gram);
            }
          });
        }));
    reading = std::min(reading, seconds([&] {
                         const MappedFile file(folder / "logits");
                         std::vector<std::uint64_t> sums(static_cast<std::size_t>(kThreads), 0);
                         const auto* words =
                             reinterpret_cast<const std::uint64_t*>(file.bytes().data());
                         const std::size_t share = file.bytes().size() / 8 / sums.size();
                         for_each_index(sums.size(), kThreads, [&](std::size_t thread) {
                           std::uint64_t sum = 0;
                           for (std::size_t i = thread * share; i < (thread + 1) * share; ++i) {
                             sum += words[i];
                           }
                           sums[thread] = sum;
                         });
                         moeplan::require(sums[0] != 1, "a sum that must be taken");
                       }));
  }
  const RouterStatisticsBuilder all(kExperts, 8, {});
  const double statistics =
      seconds([&] { (void)statistics_of_logits(logits.data(), kTokens, all, kExperts, kThreads); });
  figures.keys.set("similarity_ratio_to_bound", std::max(products, reading) / ours);
  figures.add(fmt::format(
      "similarity: 128 experts x 1e6 tokens from a mapped file {:.3f} s, {} SSYRK of the same "
      "blocks {:.3f} s, reading {:.3f} s, with top-8 selections and gates {:.3f} s",
      ours, matrix_library(), products, reading, statistics));
}

double normalised_cut(const Eigen::MatrixXd& s, const std::vector<std::int32_t>& of, int k) {
  std::vector<double> inside(static_cast<std::size_t>(k), 0.0), degree(inside);
  for (Eigen::Index i = 0; i < s.rows(); ++i) {
    const auto c = static_cast<std::size_t>(of[static_cast<std::size_t>(i)]);
    for (Eigen::Index j = 0; j < s.cols(); ++j) {
      degree[c] += s(i, j);
      inside[c] += of[static_cast<std::size_t>(j)] == static_cast<std::int32_t>(c) ? s(i, j) : 0.0;
    }
  }
  double cut = 0.0;
  for (std::size_t c = 0; c < inside.size(); ++c) {
    cut += degree[c] > 0.0 ? 1.0 - inside[c] / degree[c] : 0.0;
  }
  return cut;
}

double inertia_of(const Eigen::MatrixXd& f, const std::vector<std::int32_t>& of, int k) {
  Eigen::MatrixXd means = Eigen::MatrixXd::Zero(k, f.cols());
  Eigen::VectorXd sizes = Eigen::VectorXd::Zero(k);
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    means.row(of[static_cast<std::size_t>(i)]) += f.row(i);
    sizes(of[static_cast<std::size_t>(i)]) += 1.0;
  }
  double sum = 0.0;
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    const auto c = of[static_cast<std::size_t>(i)];
    sum += (f.row(i) - means.row(c) / sizes(c)).squaredNorm();
  }
  return sum;
}

// 128 experts to 64 clusters, ten starts each, the same similarity.
void clustering(Figures& figures) {
  constexpr int kExperts = 128, kClusters = 64;
  const auto logits = grouped_logits(20000, kExperts, kClusters, 3);
  const Eigen::MatrixXd s =
      router_similarity(gram_of_logits(logits.data(), 20000, kExperts, 1).gram());
  SpectralClustering found;
  double ours = 1e9;
  for (int round = 0; round < 5; ++round) {
    ours = std::min(ours, seconds([&] {
                      found = cluster_spectrally(laplacian_spectrum(s), kClusters, {.starts = 10});
                    }));
  }
  const auto name = python_with("sklearn");
  if (!name) {
    figures.keys.set("clustering_speedup", nullptr);
    figures.add(
        fmt::format("clustering {:.4f} s; its speed-up was not measured: no python3 with "
                    "scikit-learn (python3-sklearn)",
                    ours));
    return;
  }
  const ScratchFolder folder;
  write_bytes(folder / "s", s.data(), sizeof(double) * static_cast<std::size_t>(s.size()));
  const std::vector<double> theirs = python(
      *name,
      fmt::format("import time, numpy as np\nfrom sklearn.cluster import SpectralClustering\n"
                  "s = np.fromfile('{}').reshape({}, {})\nbest = 1e9\n"
                  "for i in range(5):\n"
                  "  t = time.perf_counter()\n"
                  "  c = SpectralClustering({}, affinity='precomputed', n_init=10, "
                  "random_state=i).fit(s)\n"
                  "  best = min(best, time.perf_counter() - t)\n"
                  "print(best, *c.labels_)\n",
                  folder / "s", kExperts, kExperts, kClusters),
      folder);
  std::vector<std::int32_t> labels(theirs.begin() + 1, theirs.end());
  const Eigen::MatrixXd f = spectral_embedding(laplacian_spectrum(s), kClusters);
  figures.keys.set("clustering_speedup", theirs[0] / ours);
  figures.add(fmt::format(
      "clustering: 128 experts to 64, 10 starts, {:.4f} s, scikit-learn {:.4f} s; k-means inertia "
      "{:.4f} against {:.4f}, normalised cut {:.4f} against {:.4f}",
      ours, theirs[0], inertia_of(f, found.cluster_of, kClusters), inertia_of(f, labels, kClusters),
      normalised_cut(s, found.cluster_of, kClusters), normalised_cut(s, labels, kClusters)));
}

// Costs of random experts are sums of products of random numbers: normal. Planted: a permutation
// stands out.
std::vector<float> assignment_costs(std::size_t n, bool planted) {
  std::vector<float> cost(n * n), more(n);
  fill_random(cost.data(), cost.size(), 11);
  for (std::size_t i = 0; i < n; ++i) {
    for (int term = 0; term < 5; ++term) {
      fill_random(more.data(), n, 100 + i * 8 + static_cast<std::uint64_t>(term));
      for (std::size_t j = 0; j < n; ++j) {
        cost[i * n + j] += more[j];
      }
    }
    if (planted) {
      cost[i * n + (i * 2731 + 17) % n] -= 20.0f;  // 2731 is odd: a permutation of 4096
    }
  }
  return cost;
}

void assignment(Figures& figures) {
  constexpr std::size_t kSize = 4096;
  const auto name = python_with("scipy");
  double least = std::numeric_limits<double>::infinity();
  std::string text = "assignment 4096 x 4096:";
  for (const bool planted : {true, false}) {
    const std::vector<float> cost = assignment_costs(kSize, planted);
    Assignment found;
    double ours = 1e9;
    for (int round = 0; round < 3; ++round) {
      ours = std::min(ours, seconds([&] { found = solve_assignment(cost.data(), kSize); }));
    }
    text += fmt::format(" {} {:.3f} s", planted ? "planted" : "random", ours);
    if (name) {
      const ScratchFolder folder;
      write_bytes(folder / "c", cost.data(), cost.size() * sizeof(float));
      const std::vector<double> theirs = python(
          *name,
          fmt::format("import time, numpy as np\nfrom scipy.optimize import linear_sum_assignment\n"
                      "c = np.fromfile('{}', dtype=np.float32).reshape({}, {}).astype(float)\n"
                      "best = 1e9\n"
                      "for i in range(3):\n"
                      "  t = time.perf_counter()\n"
                      "  r, k = linear_sum_assignment(c)\n"
                      "  best = min(best, time.perf_counter() - t)\n"
                      "print(best, repr(float(c[r, k].sum())))\n",
                      folder / "c", kSize, kSize),
          folder);
      if (std::abs(theirs[1] - found.cost) > 1e-9 * std::abs(found.cost)) {
        throw std::runtime_error(
            fmt::format("SciPy's assignment costs {}, ours {}", theirs[1], found.cost));
      }
      text += fmt::format(" (SciPy {:.3f} s, equal cost)", theirs[0]);
      least = std::min(least, theirs[0] / ours);
    }
  }
  figures.keys.set("assignment_speedup", name ? Json(least) : Json());
  figures.add(text + (name ? "" : "; not compared: no python3 with SciPy (python3-scipy)"));
}

// One of the 12 MoE layers of 354M+128e, 128 to 64 experts, independent random experts (the
// hardest assignments); the bound is its products and assignments at the rates measured here.
void uncurl(Figures& figures) {
  constexpr std::int64_t kExperts = 128, kKept = 64, kHidden = 1024, kInner = 4096, kLayers = 12;
  std::vector<ExpertWeights> experts(kExperts);
  for_each_index(experts.size(), kThreads, [&](std::size_t e) {
    experts[e] = moeplan::speed::random_expert(kHidden, kInner, false, e);
  });
  const auto logits = grouped_logits(100'000, kExperts, kKept, 9);
  // Rates, every thread a pair of its own as in the layer; half before and half after it.
  const auto pairs = static_cast<std::size_t>(kThreads);
  std::vector<FloatMatrix> costs(pairs);
  for (FloatMatrix& cost : costs) {
    cost.setZero(kInner, kInner);
  }
  constexpr int kRounds = 6;
  double products = 0.0, assignments = 0.0;
  const auto measure_rates = [&](int begin, int end) {
    for (int round = begin; round < end; ++round) {
      products += seconds([&] {
        for_each_index(pairs, kThreads, [&](std::size_t p) {
          const ExpertWeights& a =
              experts[(2 * p + static_cast<std::size_t>(8 * round)) % experts.size()];
          const ExpertWeights& b =
              experts[(2 * p + 1 + static_cast<std::size_t>(8 * round)) % experts.size()];
          set_product_abt(-1.0f, a.in, b.in, costs[p]);
          add_product_atb(-1.0f, a.out, b.out, costs[p]);
        });
      });
      assignments += seconds([&] {
        for_each_index(pairs, kThreads,
                       [&](std::size_t p) { (void)solve_assignment(costs[p].data(), kInner); });
      });
    }
  };
  double rates_processor = -processor_seconds();
  measure_rates(0, kRounds / 2);
  rates_processor += processor_seconds();
  MergedLayer merged;
  double layer_processor = -processor_seconds();
  const double layer = seconds([&] {
    const RouterStatisticsBuilder empty(kExperts, 1, {});
    const std::vector<LayerInput> input = {
        {.layer = 0,
         .experts = kExperts,
         .top_k = 1,
         .statistics = statistics_of_logits(logits.data(), 100'000, empty, kExperts, kThreads)}};
    const PruningPlan plan = plan_pruning(input, {.method = PruningMethod::uncurl, .kept = kKept});
    merged = merge_layer(plan.layers[0], experts, kThreads);
  });
  layer_processor += processor_seconds();
  rates_processor -= processor_seconds();
  measure_rates(kRounds / 2, kRounds);
  rates_processor += processor_seconds();
  const std::size_t alignments = merged.alignments.size();
  const double each = static_cast<double>(pairs) * kRounds;
  const double flops = 2.0 * 2.0 * kInner * kInner * kHidden;
  const double bound = static_cast<double>(alignments) * (products / each + assignments / each);
  figures.keys.set("uncurl_354m_128_to_64_seconds", kLayers * layer);
  figures.keys.set("uncurl_ratio_to_bound", layer / bound);
  figures.add(fmt::format(
      "354M+128e to 64e: 12 x one layer of {:.1f} s ({} alignments of independent random experts); "
      "bound {:.1f} s from {:.1f} GFLOP/s {} SGEMM and {:.3f} s an assignment on each of {} "
      "threads; by processor time the ratio is {:.2f}, and the 12 layers take {:.0f} s on idle "
      "cores",
      layer, alignments, bound, flops * each / products / 1e9, matrix_library(),
      assignments / kRounds, kThreads,
      layer_processor / (rates_processor / each * static_cast<double>(alignments)),
      kLayers * layer_processor / kThreads));
}

// From checkpoint to checkpoint, as a user runs it.
void gated_layer(Figures& figures, const std::string& key, const moeplan::speed::LayerShape& shape,
                 std::int64_t kept) {
  const ScratchFolder folder;
  moeplan::speed::write_one_layer(folder / "in", folder / "router.safetensors", shape, 100'000);
  const moeplan::speed::Run run = moeplan::speed::run(
      {MOEPLAN_PROGRAM, "prune", folder / "in", "--router-data", folder / "router.safetensors",
       "--keep", fmt::format("{}", kept), "--router", "sliced", "-o", folder / "out"});
  const double megabytes = 6.0 * static_cast<double>(shape.experts * shape.hidden) *
                           static_cast<double>(shape.intermediate) / 1e6;
  figures.keys.set(key + "_layer_seconds", run.seconds);
  figures.keys.set(key + "_layer_peak_mb", run.peak_mb);
  figures.add(
      fmt::format("{} layer, {} to {} of {} x {}, bf16 ({:.0f} MB of weights), file to "
                  "file: {:.1f} s, peak {:.0f} MB",
                  key, shape.experts, kept, shape.hidden, shape.intermediate, megabytes,
                  run.seconds, run.peak_mb));
}

void print_figures(bool json) {
  Figures figures;
  // First: Linux counts what this process held into the peak of its children.
  gated_layer(figures, "qwen3_30b", {"qwen3_moe", 128, 8, 2048, 768}, 64);
  gated_layer(figures, "mixtral", {"mixtral", 8, 2, 4096, 14336}, 6);
  similarity(figures);
  clustering(figures);
  assignment(figures);
  uncurl(figures);
  figures.keys.set("pruning_how", figures.how);
  const std::string text = json ? figures.keys.line() : figures.keys.pretty();
  fmt::print("{}\n", text);
}

}  // namespace

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "pruning_bench", print_figures);
}
