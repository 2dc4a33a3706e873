#pragma once
// ExpertRows: what becomes of the (token, expert) pairs of one step or of a run.

namespace moeplan::sim {

// Summed over all MoE layers and ranks; expectations over the routing. routed - dropped = computed;
// where there are buffers, buffer_rows - computed are padding.
struct ExpertRows {
  double routed = 0.0;       // chosen by the routers: tokens x different experts of each
  double dropped = 0.0;      // beyond a buffer's capacity: these tokens skip the expert
  double buffer_rows = 0.0;  // rows sent and computed, full or empty; 0: dropless, no buffers

  ExpertRows& operator+=(const ExpertRows& other) {
    routed += other.routed;
    dropped += other.dropped;
    buffer_rows += other.buffer_rows;
    return *this;
  }
};

}  // namespace moeplan::sim
