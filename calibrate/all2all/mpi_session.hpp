#pragma once
// MpiSession: MPI from its start to its end in this process, and what it says about itself. Only in
// builds with MPI.

#include <string>
#include <vector>

#include "calibrate/all2all/rank_world.hpp"

namespace moeplan::calibrate {

// Throws: DeviceError with MPI's own text where code is not MPI_SUCCESS.
void mpi_check(int code, const char* call);

class MpiSession {
 public:
  // Starts MPI with errors as exceptions, and lets this process die with the one that started it,
  // so that a killed launcher leaves no rank behind.
  MpiSession();
  ~MpiSession();  // ends MPI, together with the other ranks
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  // Ends all ranks, for what went wrong on this one alone while the others may be waiting for it.
  [[noreturn]] static void end_all_ranks(int code);

  // Collective. The handshake comes first: throws InputError E_VALUE on every rank where programs
  // differ (by revision and by the bytes of the program), naming the ranks.
  RankWorld world();

  // Collective: rank 0's text, on every rank.
  std::string from_first(const std::string& text) { return from(0, text); }
  // Collective: [ranks] the texts of all, each cut off at 127 characters.
  std::vector<std::string> from_all(const std::string& text) const;
  // Collective. problem: of this rank, "" for none. Throws: DeviceError on every rank, with the
  // text of the first one that has a problem, where any has.
  void fail_together(const std::string& problem) const;

 private:
  void shake_hands();
  std::string from(int root, const std::string& text) const;
  int rank_ = 0;
  int ranks_ = 1;
};

}  // namespace moeplan::calibrate
