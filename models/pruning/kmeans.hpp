#pragma once
// k-means: Lloyd's iteration from k-means++ starts, then moves of single points, the best of
// several. Source: D. Arthur, S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA
// 2007.

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace moeplan::models {

struct KMeansOptions {
  int starts = 10;       // n_init
  int iterations = 300;  // at most, per start
  std::uint64_t seed = 1;
};

struct KMeansResult {
  std::vector<std::int32_t> cluster_of;  // [points], 0 .. clusters - 1, none of them empty
  double inertia = 0.0;                  // sum of squared distances to the clusters' means
};

// points: [points x dimensions], clusters >= 1. A cluster that loses its last point takes the
// point farthest from its mean. A function of points, clusters and options alone. Memory: points^2
// and points x clusters doubles.
// Throws: std::invalid_argument when fewer points differ than there shall be clusters.
KMeansResult k_means(const Eigen::MatrixXd& points, std::int64_t clusters,
                     const KMeansOptions& options);

}  // namespace moeplan::models
