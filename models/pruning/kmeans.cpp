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

// One start. Centres are columns; distances come from one product per iteration:
// |x - c|^2 = |x|^2 - 2 x.c + |c|^2.
class Lloyd {
 public:
  Lloyd(const MatrixXd& points, const VectorXd& squares, Index clusters, std::uint64_t key)
      : points_(points),
        squares_(squares),
        random_(key),
        centres_(points.cols(), clusters),
        cluster_of_(static_cast<std::size_t>(points.rows()), -1) {}

  // greedy: see plant().
  KMeansResult run(int iterations, bool greedy) {
    plant(greedy);
    for (int i = 0; i < iterations; ++i) {
      const bool moved = assign();
      update();
      if (!moved) {
        break;
      }
    }
    refine(iterations);
    double inertia = 0.0;
    for (Index p = 0; p < points_.rows(); ++p) {
      inertia += (points_.row(p).transpose() - centres_.col(of(p))).squaredNorm();
    }
    return {cluster_of_, inertia};
  }

 private:
  std::int32_t& of(Index point) { return cluster_of_[static_cast<std::size_t>(point)]; }

  // k-means++; greedy: of a few candidates drawn by squared distance the one that lowers the sum of
  // squared distances most (as in the source's section 6).
  void plant(bool greedy) {
    const Index n = points_.rows();
    VectorXd nearest = VectorXd::Constant(n, kInfinity);
    Index chosen = std::min(n - 1, static_cast<Index>(random_.uniform() * static_cast<double>(n)));
    const int candidates =
        greedy ? 2 + static_cast<int>(std::log(static_cast<double>(centres_.cols()) + 0.5)) : 1;
    for (Index c = 0; c < centres_.cols(); ++c) {
      if (c > 0) {
        VectorXd best;
        double least = kInfinity;
        for (int i = 0; i < candidates; ++i) {
          const Index point = draw(nearest);
          const VectorXd now = nearest.cwiseMin(distances_to(point));
          if (now.sum() < least) {
            least = now.sum();
            best = now;
            chosen = point;
          }
        }
        nearest = best;
      } else {
        nearest = distances_to(chosen);
      }
      centres_.col(c) = points_.row(chosen).transpose();
    }
  }

  VectorXd distances_to(Index point) const {
    return (points_.rowwise() - points_.row(point)).rowwise().squaredNorm();
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

  bool assign() {
    MatrixXd distance = -2.0 * points_ * centres_;
    distance.rowwise() += centres_.colwise().squaredNorm();
    bool moved = false;
    for (Index p = 0; p < points_.rows(); ++p) {
      Index best = 0;
      distance.row(p).minCoeff(&best);
      moved = moved || of(p) != static_cast<std::int32_t>(best);
      of(p) = static_cast<std::int32_t>(best);
    }
    return fill_empty(distance) || moved;
  }

  // True when a cluster was empty.
  bool fill_empty(const MatrixXd& distance) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(centres_.cols()), 0);
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
      for (Index p = 0; p < points_.rows(); ++p) {
        const double d = distance(p, of(p)) + squares_(p);
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
    VectorXd sizes = VectorXd::Zero(centres_.cols());
    for (const std::int32_t c : cluster_of_) {
      sizes(c) += 1.0;
    }
    VectorXd cost(centres_.cols());
    bool moved = true;
    for (int pass = 0; pass < passes && moved; ++pass) {
      moved = false;
      for (Index p = 0; p < points_.rows(); ++p) {
        const Index from = of(p);
        if (sizes(from) < 2.0) {
          continue;
        }
        cost = (centres_.colwise() - points_.row(p).transpose()).colwise().squaredNorm();
        const double leaving = cost(from) * sizes(from) / (sizes(from) - 1.0);
        cost.array() *= sizes.array() / (sizes.array() + 1.0);
        cost(from) = kInfinity;
        Index to = from;
        if (cost.minCoeff(&to) < leaving * (1.0 - 1e-12)) {
          move(p, from, to, sizes);
          moved = true;
        }
      }
    }
    update();  // the means without the rounding of many moves
  }

  void move(Index point, Index from, Index to, VectorXd& sizes) {
    const auto x = points_.row(point).transpose();
    centres_.col(from) += (centres_.col(from) - x) / (sizes(from) - 1.0);
    centres_.col(to) += (x - centres_.col(to)) / (sizes(to) + 1.0);
    sizes(from) -= 1.0;
    sizes(to) += 1.0;
    of(point) = static_cast<std::int32_t>(to);
  }

  void update() {
    centres_.setZero();
    VectorXd sizes = VectorXd::Zero(centres_.cols());
    for (Index p = 0; p < points_.rows(); ++p) {
      centres_.col(of(p)) += points_.row(p).transpose();
      sizes(of(p)) += 1.0;
    }
    centres_.array().rowwise() /= sizes.transpose().array();
  }

  const MatrixXd& points_;
  const VectorXd& squares_;
  SplitMix random_;
  MatrixXd centres_;  // [dimensions x clusters]
  std::vector<std::int32_t> cluster_of_;
};

}  // namespace

KMeansResult k_means(const MatrixXd& points, std::int64_t clusters, const KMeansOptions& options) {
  require(clusters >= 1 && options.starts >= 1 && options.iterations >= 1,
          "k-means needs a cluster, a start and an iteration");
  if (points.rows() < clusters) {
    throw std::invalid_argument("fewer points than there shall be clusters");
  }
  const VectorXd squares = points.rowwise().squaredNorm();
  KMeansResult best;
  best.inertia = kInfinity;
  for (int start = 0; start < options.starts; ++start) {
    const std::uint64_t key = split_mix(options.seed) + static_cast<std::uint64_t>(start);
    KMeansResult result =
        Lloyd(points, squares, clusters, key).run(options.iterations, start % 2 == 0);
    if (result.inertia < best.inertia) {
      best = std::move(result);
    }
  }
  return best;
}

}  // namespace moeplan::models
