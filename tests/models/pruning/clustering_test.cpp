// Are planted clusters found, and is k-means as good as the best partition?
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "models/pruning/spectral_clustering.hpp"
#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

// True when two labellings are the same partition.
bool same_partition(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if ((a[i] == a[j]) != (b[i] == b[j])) {
        return false;
      }
    }
  }
  return true;
}

double inertia_of(const Eigen::MatrixXd& points, const std::vector<std::int32_t>& of, int k) {
  double sum = 0.0;
  for (int c = 0; c < k; ++c) {
    Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(points.cols());
    double size = 0.0;
    for (Eigen::Index p = 0; p < points.rows(); ++p) {
      if (of[static_cast<std::size_t>(p)] == c) {
        mean += points.row(p);
        size += 1.0;
      }
    }
    mean /= size;
    for (Eigen::Index p = 0; p < points.rows(); ++p) {
      if (of[static_cast<std::size_t>(p)] == c) {
        sum += (points.row(p) - mean).squaredNorm();
      }
    }
  }
  return sum;
}

TEST(KMeans, EqualsTheBestOfAllPartitionsOnSmallCases) {
  SplitMix random(4);
  for (int round = 0; round < 20; ++round) {
    const Eigen::MatrixXd points = normal_matrix(7, 2, random).cast<double>();
    double best = std::numeric_limits<double>::infinity();
    std::vector<std::int32_t> labels(7);
    for (int code = 0; code < 2187; ++code) {  // 3^7 labellings
      int rest = code;
      std::set<int> used;
      for (auto& label : labels) {
        label = rest % 3;
        used.insert(label);
        rest /= 3;
      }
      if (used.size() == 3) {
        best = std::min(best, inertia_of(points, labels, 3));
      }
    }
    const KMeansResult found = k_means(points, 3, {.starts = 30, .seed = 1});
    EXPECT_NEAR(found.inertia, best, 1e-9);
    EXPECT_NEAR(found.inertia, inertia_of(points, found.cluster_of, 3), 1e-12);
  }
}

TEST(KMeans, RefusesFewerDifferentPointsThanClusters) {
  Eigen::MatrixXd points = Eigen::MatrixXd::Zero(6, 2);
  points.row(0).setOnes();  // two different points
  EXPECT_NO_THROW(k_means(points, 2, {}));
  EXPECT_THROW(k_means(points, 3, {}), std::invalid_argument);
  EXPECT_THROW(k_means(points, 7, {}), std::invalid_argument);
}

TEST(KMeans, NoClusterIsEmpty) {
  SplitMix random(5);
  const Eigen::MatrixXd points = normal_matrix(40, 3, random).cast<double>();
  for (const int k : {1, 2, 17, 39, 40}) {
    const KMeansResult found = k_means(points, k, {.starts = 2});
    const std::set<std::int32_t> used(found.cluster_of.begin(), found.cluster_of.end());
    EXPECT_EQ(used.size(), static_cast<std::size_t>(k));
  }
}

TEST(SpectralClustering, RecoversPlantedClusters) {
  SplitMix random(6);
  for (const std::int64_t clusters : {3, 5, 16}) {
    const auto logits = planted_logits(2000, 48, clusters, 0.5, random);
    const Eigen::MatrixXd similarity =
        router_similarity(gram_of_logits(logits.data(), 2000, 48, 1).gram());
    const SpectralClustering found =
        cluster_spectrally(laplacian_spectrum(similarity), clusters, {});
    std::vector<std::int32_t> planted(48);
    for (std::size_t e = 0; e < planted.size(); ++e) {
      planted[e] = static_cast<std::int32_t>(static_cast<std::int64_t>(e) % clusters);
    }
    EXPECT_TRUE(same_partition(found.cluster_of, planted)) << clusters;
    // Members have cosine 1/(1+0.25) = 0.8, others about 0: the gap lies at the planted number.
    // The first gap is left out: unrelated experts are similar by (1 + 0) / 2, so all are
    // connected.
    ASSERT_TRUE(found.spectral_gap.has_value());
    const Eigen::VectorXd values = laplacian_spectrum(similarity).eigenvalues;
    for (Eigen::Index i = 2; i + 1 < 48; ++i) {
      if (i != clusters) {
        EXPECT_LT(values(i) - values(i - 1), *found.spectral_gap) << i;
      }
    }
  }
}

// Two blocks of equal size n, similarity 1 inside and s between: degree n(1+s), so the eigenvalues
// of L are 0, 1 - (1-s)/(1+s) = 2s/(1+s), and 1 for the rest.
TEST(SpectralClustering, EigenvaluesOfTwoBlocksAreTheFormula) {
  const double s = 0.25;
  Eigen::MatrixXd similarity = Eigen::MatrixXd::Constant(6, 6, s);
  similarity.topLeftCorner(3, 3).setOnes();
  similarity.bottomRightCorner(3, 3).setOnes();
  const Spectrum spectrum = laplacian_spectrum(similarity);
  EXPECT_NEAR(spectrum.eigenvalues(0), 0.0, 1e-12);
  EXPECT_NEAR(spectrum.eigenvalues(1), 2.0 * s / (1.0 + s), 1e-12);
  EXPECT_NEAR(spectrum.eigenvalues(2), 1.0, 1e-12);
  EXPECT_NEAR(spectrum.eigenvalues(5), 1.0, 1e-12);
}

TEST(SpectralClustering, RefusesSimilaritiesThatAreNone) {
  Eigen::MatrixXd similarity = Eigen::MatrixXd::Ones(3, 3);
  similarity(0, 1) = 0.5;  // not symmetric
  EXPECT_THROW(laplacian_spectrum(similarity), std::invalid_argument);
  similarity(0, 1) = similarity(1, 0) = -0.5;
  EXPECT_THROW(laplacian_spectrum(similarity), std::invalid_argument);
  EXPECT_THROW(laplacian_spectrum(Eigen::MatrixXd::Zero(2, 2)), std::invalid_argument);
}

}  // namespace
}  // namespace moeplan::models
