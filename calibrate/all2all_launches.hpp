#pragma once
// The processes of moeplan-measure all2all: the parent's side, which starts ranks and ends what
// hangs, and the ranks' side. Nothing here prints.

#include <functional>
#include <string>
#include <vector>

#include "calibrate/all2all/exchange_devices.hpp"
#include "calibrate/measure_all2all.hpp"
#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {

bool built_with_mpi();

// launcher + this program + arguments, for run_process.
// Throws: InputError as launcher_arguments; DeviceError where this program's file is gone.
std::vector<std::string> rank_command(const std::string& launcher,
                                      const std::vector<std::string>& arguments);

// The parent's questions: starts the launcher once and asks its ranks who they are.
// Throws: DeviceError where they did not answer or have not what the sweep asks for; InputError
// where they refused.
RankWorld ask_world(const ExchangeSweep& sweep, const std::vector<std::string>& arguments,
                    Seconds longest);

// All launches, as supervise. A launch whose journal does not grow for `longest` hangs: it is ended
// with everything that it started.
int run_exchange_launches(const ExchangeSweep& sweep, const JournalHeader& header,
                          const std::vector<std::string>& arguments, Seconds longest);

// The ranks' side, inside what the launcher started. Only where built_with_mpi().
// probe: a file for ask_world. launch: of the sweep. devices: cuda_devices(), or a test's own.
// Return exit codes, the same on all ranks. A rank without the GPU or the NCCL that the sweep asks
// for is an answer of the world (RankWorld::problem), and 6 of a launch.
int answer_world(const ExchangeSweep& sweep, const std::string& probe, ExchangeDevices& devices);
// complain: told what went wrong on this rank alone, before all ranks are ended.
int run_exchange_ranks(const ExchangeSweep& sweep, int launch, ExchangeDevices& devices,
                       const std::function<void(const SweepProgress&)>& progress,
                       const std::function<void(const std::string&)>& complain);

}  // namespace moeplan::calibrate
