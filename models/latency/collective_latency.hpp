#pragma once
// CollectiveLatency: time of one collective among the ranks of one group. Implementations:
// message_pnorm_v1, fitted per (collective, ranks) on one node; FabricLaw for what is not fitted.

#include <vector>

#include "models/latency/fabric_law.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

struct MessageTheta {
  double launch = 0.0;     // s
  double bandwidth = 0.0;  // B/s
  double norm = 1.0;
};

// ( launch^q + (S / bandwidth)^q )^(1/q), q = norm; launch for S = 0. Non-decreasing in S.
// Source: calibration.md A5; fitted on aic_nccl_h100_2.29.2 and aic_nccl_a100_2.27.3.
double message_seconds(const MessageTheta& theta, double bytes);

class CollectiveLatency {
 public:
  // Laws of the four families with the constant `ranks`. Where several sources of one family and
  // number of ranks are there (NCCL and an engine's own all-reduce), the fastest answers: an
  // engine has both at hand. Throws: InputError E_VALUE for other forms.
  CollectiveLatency(const std::vector<FittedLaw>& laws, const FabricLaw& fabric);

  // `bytes` is the size of the whole vector on one rank:
  //   all_reduce      the vector that is summed (each rank holds all of it),
  //   all_gather      the gathered result, ranks x one rank's contribution,
  //   reduce_scatter  the vector that goes in, ranks x what one rank gets back,
  //   all_to_all      what one rank sends to all ranks, itself included.
  // One rank: zero seconds. Not marked extrapolated only for a fitted number of ranks on one node
  // and bytes within the fitted range or below. Numbers of ranks between fitted ones: geometric
  // interpolation in log(ranks). Beyond them: the nearest law plus what the fabric law adds from
  // there. Several nodes: the law of one node's ranks, of the sources that span nodes (NCCL; an
  // engine's own all-reduce does not), plus what the fabric law adds for the whole group.
  // Throws: std::logic_error if ranks < 1.
  Estimate estimate(Collective collective, const RankGroup& group, Bytes bytes) const;

  std::vector<LawInfo> info() const;
  // What a collective of this group rests on: the fitted laws of its family, and the fabric law
  // where there are none or the group spans nodes.
  std::vector<LawInfo> info(Collective collective, const RankGroup& group) const;
  // The same without copies of them.
  LawSupport support(Collective collective, const RankGroup& group) const;
  // A law was fitted to this collective among exactly so many ranks of one node.
  bool measured(Collective collective, const RankGroup& group) const;

 private:
  struct Law {
    LawInfo info;
    Collective collective = Collective::all_reduce;
    int ranks = 0;
    MessageTheta theta;
    Interval bytes;
  };
  static Law make(const FittedLaw& fitted);
  // Fastest law of exactly that many ranks; false when there is none.
  bool exact(Collective collective, int ranks, double bytes, bool spanning, Estimate& best) const;
  Estimate one_node(Collective collective, int ranks, double bytes, bool spanning) const;

  std::vector<Law> laws_;
  FabricLaw fabric_;
};

MessageTheta message_theta(const FittedLaw& law);

}  // namespace moeplan::models
