#pragma once
// MpiLink: the ranks of mpirun or srun. Only in builds with MPI.

#include <memory>
#include <string>

#include "sim/sweep/rank_link.hpp"

namespace moeplan::sim {

class MpiLink : public RankLink {
 public:
  // Starts MPI. This process is told (SIGTERM) when the one that started it dies, so that a killed
  // launcher leaves no rank behind.
  // Throws: std::runtime_error with MPI's own text, here and below.
  MpiLink();
  ~MpiLink() override;
  MpiLink(const MpiLink&) = delete;
  MpiLink& operator=(const MpiLink&) = delete;

  int rank() const override { return rank_; }
  int ranks() const override { return ranks_; }
  void send(int to, const std::string& text) override;
  std::optional<RankMessage> poll() override;
  void flush() override;

  // Collective. The lowest rank for which `wrong` holds; nothing where it holds for none.
  std::optional<int> first_where(bool wrong);
  // Collective. The value of one rank, on all.
  int from(int rank, int value);
  // Collective. The lowest rank whose text (and program's bytes) differ from rank 0's; nothing
  // where all agree.
  std::optional<int> first_different(const std::string& text);
  // Ends MPI, together with the other ranks. Without it the destructor leaves MPI as it is: after
  // a rank was lost, its end would wait for ever.
  void finish();
  // Ends all ranks, for what went wrong on this one alone.
  [[noreturn]] static void end_all(int code);

 private:
  struct Sent;
  void forget_sent();
  int rank_ = 0;
  int ranks_ = 1;
  std::unique_ptr<Sent> sent_;
};

}  // namespace moeplan::sim
