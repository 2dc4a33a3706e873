#pragma once
// A sweep over ranks. Rank 0 leads: it hands out points, longest predicted first, in chunks that
// shrink with what is left; takes all rows, so it is the only writer; and evaluates points itself
// while it serves the others. The others ask for the next chunk before theirs is done.

#include <cstdint>
#include <vector>

#include "sim/sweep/rank_link.hpp"
#include "sim/sweep/run_sweep.hpp"

namespace moeplan::sim {

// The next points of `todo` from `next` on, for one of `threads` threads in all: so many that they
// are half of its even share of the work that is left; at least one, at most 64, none at the end.
std::vector<std::int64_t> next_chunk(const std::vector<std::int64_t>& todo, std::size_t& next,
                                     const std::vector<double>& work, double& work_left,
                                     int threads);

// On rank 0: evaluates `which` in this order with all ranks; returns how many finished, fewer only
// after options.stop. options.threads: of every rank. Throws: as run_sweep.
std::int64_t lead_sweep(RankLink& link, const TaskList& tasks,
                        const std::vector<std::int64_t>& which, const RunSweepOptions& options);

// On every other rank: evaluates what rank 0 hands out until it says that there is no more, or
// until options.stop. options.finished and progress are rank 0's business.
void follow_sweep(RankLink& link, const TaskList& tasks, const RunSweepOptions& options);

}  // namespace moeplan::sim
