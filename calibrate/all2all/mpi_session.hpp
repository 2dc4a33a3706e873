#pragma once
// MpiSession: MPI from its start to its end in this process, and what it says about itself. Only in
// builds with MPI.

#include <string>

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
  std::string from_first(const std::string& text);

 private:
  void shake_hands();
  int rank_ = 0;
  int ranks_ = 1;
};

}  // namespace moeplan::calibrate
