#include "models/pruning/spectral_clustering.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <stdexcept>

#include "models/units/require.hpp"

namespace moeplan::models {

Spectrum laplacian_spectrum(const Eigen::MatrixXd& similarity) {
  require(similarity.rows() == similarity.cols() && similarity.rows() >= 1,
          "a similarity is a square matrix");
  if (!similarity.allFinite() || similarity.minCoeff() < 0.0 ||
      (similarity - similarity.transpose()).cwiseAbs().maxCoeff() > 1e-12) {
    throw std::invalid_argument("a similarity must be symmetric, finite and not negative");
  }
  const Eigen::VectorXd degrees = similarity.rowwise().sum();
  if (!(degrees.minCoeff() > 0.0)) {
    throw std::invalid_argument("an expert is similar to no expert at all");
  }
  const Eigen::VectorXd scale = degrees.cwiseSqrt().cwiseInverse();
  const Eigen::MatrixXd laplacian =
      Eigen::MatrixXd::Identity(similarity.rows(), similarity.cols()) -
      scale.asDiagonal() * similarity * scale.asDiagonal();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(laplacian);
  require(solver.info() == Eigen::Success, "the eigenvalues of a symmetric matrix are found");
  return {solver.eigenvalues(), solver.eigenvectors()};
}

Eigen::MatrixXd spectral_embedding(const Spectrum& spectrum, std::int64_t clusters) {
  require(clusters >= 1 && clusters <= spectrum.eigenvalues.size(),
          "there are at most as many clusters as experts");
  Eigen::MatrixXd embedding = spectrum.eigenvectors.leftCols(clusters);
  for (Eigen::Index i = 0; i < embedding.rows(); ++i) {
    const double length = embedding.row(i).norm();
    if (length > 0.0) {
      embedding.row(i) /= length;
    }
  }
  return embedding;
}

SpectralClustering cluster_spectrally(const Spectrum& spectrum, std::int64_t clusters,
                                      const KMeansOptions& options) {
  KMeansResult found = k_means(spectral_embedding(spectrum, clusters), clusters, options);
  SpectralClustering result{std::move(found.cluster_of), found.inertia, std::nullopt};
  if (clusters < spectrum.eigenvalues.size()) {
    result.spectral_gap = spectrum.eigenvalues(clusters) - spectrum.eigenvalues(clusters - 1);
  }
  return result;
}

}  // namespace moeplan::models
