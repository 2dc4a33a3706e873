#include "models/pruning/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Squared distances between all points [points x points]: all that the starts need, because
//   |x - mean of K|^2 = sum_{j in K} D(x, j) / n - sum_{i < j in K} D(i, j) / n^2.
// Points are few (experts), so this costs less than distances to centres in every iteration.
MatrixXd squared_distances(const MatrixXd& points) {
  const MatrixXd columns = points.transpose();  // a point is contiguous
  MatrixXd distances = MatrixXd::Zero(columns.cols(), columns.cols());
  for (Index j = 0; j < columns.cols(); ++j) {
    for (Index i = 0; i < j; ++i) {
      distances(i, j) = (columns.col(i) - columns.col(j)).squaredNorm();
      distances(j, i) = distances(i, j);
    }
  }
  return distances;
}

// One start.
class Lloyd {
 public:
  Lloyd(const MatrixXd& distances, Index clusters, std::uint64_t key)
      : distances_(distances),
        random_(key),
        sums_(distances.cols(), clusters),
        sizes_(clusters),
        pairs_(clusters),
        cluster_of_(static_cast<std::size_t>(distances.cols()), -1) {}

  // greedy: see plant().
  std::vector<std::int32_t> run(int iterations, bool greedy) {
    plant(greedy);
    for (int i = 0; i < iterations; ++i) {
      update();
      const MatrixXd far = sums_.array().rowwise() / sizes_.transpose().array();
      const VectorXd inner = pairs_.cwiseQuotient(sizes_.cwiseAbs2());
      if (!assign(far.rowwise() - inner.transpose())) {
        break;
      }
    }
    refine(iterations);
    return cluster_of_;
  }

 private:
  std::int32_t& of(Index point) { return cluster_of_[static_cast<std::size_t>(point)]; }

  // k-means++; greedy: of a few candidates drawn by squared distance the one that lowers the sum of
  // squared distances most (as in the source's section 6).
  void plant(bool greedy) {
    const Index n = distances_.cols();
    const Index clusters = sizes_.size();
    MatrixXd to_centre(n, clusters);
    VectorXd nearest = VectorXd::Constant(n, kInfinity);
    Index chosen = std::min(n - 1, static_cast<Index>(random_.uniform() * static_cast<double>(n)));
    const int candidates =
        greedy ? 2 + static_cast<int>(std::log(static_cast<double>(clusters) + 0.5)) : 1;
    for (Index c = 0; c < clusters; ++c) {
      double least = c > 0 ? kInfinity : -kInfinity;
      for (int i = 0; c > 0 && i < candidates; ++i) {
        const Index point = draw(nearest);
        const double sum = nearest.cwiseMin(distances_.col(point)).sum();
        if (sum < least) {
          least = sum;
          chosen = point;
        }
      }
      to_centre.col(c) = distances_.col(chosen);
      nearest = nearest.cwiseMin(to_centre.col(c));
    }
    assign(to_centre);
  }

  // A point by weight. Where all weights are 0, only copies of the chosen points are left.
  Index draw(const VectorXd& weights) {
    const double sum = weights.sum();
    if (!(sum > 0.0)) {
      throw std::invalid_argument("fewer points differ than there shall be clusters");
    }
    double left = random_.uniform() * sum;
    Index last = 0;
    for (Index p = 0; p < weights.size(); ++p) {
      if (weights(p) > 0.0) {
        last = p;
        left -= weights(p);
        if (left < 0.0) {
          break;
        }
      }
    }
    return last;
  }

  // Every point to the nearest; true when one moved. to_centre: [points x clusters], squared.
  bool assign(const MatrixXd& to_centre) {
    bool moved = false;
    for (Index p = 0; p < to_centre.rows(); ++p) {
      Index best = 0;
      to_centre.row(p).minCoeff(&best);
      moved = moved || of(p) != static_cast<std::int32_t>(best);
      of(p) = static_cast<std::int32_t>(best);
    }
    return fill_empty(to_centre) || moved;
  }

  // True when a cluster was empty.
  bool fill_empty(const MatrixXd& to_centre) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(to_centre.cols()), 0);
    for (const std::int32_t c : cluster_of_) {
      ++sizes[static_cast<std::size_t>(c)];
    }
    bool filled = false;
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      if (sizes[c] > 0) {
        continue;
      }
      Index farthest = -1;
      double most = -kInfinity;
      for (Index p = 0; p < to_centre.rows(); ++p) {
        const double d = to_centre(p, of(p));
        if (sizes[static_cast<std::size_t>(of(p))] > 1 && d > most) {
          most = d;
          farthest = p;
        }
      }
      require(farthest >= 0, "more clusters than points");
      --sizes[static_cast<std::size_t>(of(farthest))];
      of(farthest) = static_cast<std::int32_t>(c);
      sizes[c] = 1;
      filled = true;
    }
    return filled;
  }

  // Hartigan's step: a point moves where that lowers the sum although both means move with it,
  //   |x - b|^2 n_b / (n_b + 1) < |x - a|^2 n_a / (n_a - 1);
  // leaves optima that Lloyd's iteration is caught in.
  // Source: J. A. Hartigan, M. A. Wong, A k-means clustering algorithm, Appl. Stat. 28 (1979).
  void refine(int passes) {
    bool moved = true;
    for (int pass = 0; pass < passes && moved; ++pass) {
      update();  // without the rounding of the last pass's moves
      moved = false;
      for (Index p = 0; p < distances_.cols(); ++p) {
        const Index from = of(p);
        if (sizes_(from) < 2.0) {
          continue;
        }
        VectorXd cost = sums_.row(p).transpose().cwiseQuotient(sizes_) -
                        pairs_.cwiseQuotient(sizes_.cwiseAbs2());
        const double leaving = cost(from) * sizes_(from) / (sizes_(from) - 1.0);
        cost.array() *= sizes_.array() / (sizes_.array() + 1.0);
        cost(from) = kInfinity;
        Index to = from;
        if (cost.minCoeff(&to) < leaving * (1.0 - 1e-12)) {
          move(p, from, to);
          moved = true;
        }
      }
    }
  }

  void move(Index point, Index from, Index to) {
    pairs_(from) -= sums_(point, from);
    pairs_(to) += sums_(point, to);
    sums_.col(from) -= distances_.col(point);
    sums_.col(to) += distances_.col(point);
    sizes_(from) -= 1.0;
    sizes_(to) += 1.0;
    of(point) = static_cast<std::int32_t>(to);
  }

  void update() {
    sums_.setZero();
    sizes_.setZero();
    pairs_.setZero();
    for (Index p = 0; p < distances_.cols(); ++p) {
      pairs_(of(p)) += sums_(p, of(p));  // with those before it
      sums_.col(of(p)) += distances_.col(p);
      sizes_(of(p)) += 1.0;
    }
  }

  const MatrixXd& distances_;
  SplitMix random_;
  MatrixXd sums_;   // [points x clusters], of squared distances to the members
  VectorXd sizes_;  // [clusters]
  VectorXd pairs_;  // [clusters], sum of squared distances of its pairs
  std::vector<std::int32_t> cluster_of_;
};

// Sum of squared distances to the clusters' means.
double inertia_of(const MatrixXd& points, const std::vector<std::int32_t>& cluster_of,
                  Index clusters) {
  MatrixXd means = MatrixXd::Zero(points.cols(), clusters);
  VectorXd sizes = VectorXd::Zero(clusters);
  for (Index p = 0; p < points.rows(); ++p) {
    const std::int32_t c = cluster_of[static_cast<std::size_t>(p)];
    means.col(c) += points.row(p).transpose();
    sizes(c) += 1.0;
  }
  means.array().rowwise() /= sizes.transpose().array();
  double inertia = 0.0;
  for (Index p = 0; p < points.rows(); ++p) {
    inertia += (points.row(p).transpose() - means.col(cluster_of[static_cast<std::size_t>(p)]))
                   .squaredNorm();
  }
  return inertia;
}

}  // namespace

KMeansResult k_means(const MatrixXd& points, std::int64_t clusters, const KMeansOptions& options) {
  require(clusters >= 1 && options.starts >= 1 && options.iterations >= 1,
          "k-means needs a cluster, a start and an iteration");
  if (points.rows() < clusters) {
    throw std::invalid_argument("fewer points than there shall be clusters");
  }
  const MatrixXd distances = squared_distances(points);
  KMeansResult best;
  best.inertia = kInfinity;
  for (int start = 0; start < options.starts; ++start) {
    const std::uint64_t key = split_mix(options.seed) + static_cast<std::uint64_t>(start);
    std::vector<std::int32_t> found =
        Lloyd(distances, clusters, key).run(options.iterations, start % 2 == 0);
    const double inertia = inertia_of(points, found, clusters);
    if (inertia < best.inertia) {
      best = {std::move(found), inertia};
    }
  }
  return best;
}

}  // namespace moeplan::models
