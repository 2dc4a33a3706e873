#pragma once
// Spectral clustering of experts by their similarity (UNCURL, step 2).
//   D = diag(sum_j S_ij),  L = I - D^-1/2 S D^-1/2
//   F = the eigenvectors of the `clusters` smallest eigenvalues of L, each row scaled to length 1
//   k-means on the rows of F
// Source: A. Ng, M. Jordan, Y. Weiss, On spectral clustering: analysis and an algorithm, NIPS 2001.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/pruning/kmeans.hpp"

namespace moeplan::models {

struct Spectrum {
  Eigen::VectorXd eigenvalues;   // [experts], of L, ascending, 0 to 2
  Eigen::MatrixXd eigenvectors;  // [experts x experts], columns
};

// similarity: [experts x experts], symmetric, >= 0.
// Throws: std::invalid_argument when it is not, or an expert is similar to none.
Spectrum laplacian_spectrum(const Eigen::MatrixXd& similarity);

// F of the `clusters` smallest eigenvalues: [experts x clusters].
Eigen::MatrixXd spectral_embedding(const Spectrum& spectrum, std::int64_t clusters);

struct SpectralClustering {
  std::vector<std::int32_t> cluster_of;  // [experts]
  double inertia = 0.0;                  // of k-means on F
  // eigenvalue[clusters] - eigenvalue[clusters - 1] (0-based, ascending): how clearly there are so
  // many clusters; nullopt when every expert is its own.
  std::optional<double> spectral_gap;
};

// Throws: std::invalid_argument as above and as k_means.
SpectralClustering cluster_spectrally(const Spectrum& spectrum, std::int64_t clusters,
                                      const KMeansOptions& options);

}  // namespace moeplan::models
