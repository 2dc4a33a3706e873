#include "calibrate/all2all/mpi_session.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <vector>

#include "calibrate/all2all/mpi_settings.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "models/text/crc32.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kTextBytes = 128;
using Text = std::array<char, kTextBytes>;

Text fixed(const std::string& from) {
  Text out{};
  from.copy(out.data(), kTextBytes - 1);
  return out;
}

// [ranks] texts of all ranks.
std::vector<std::string> gather(const std::string& own, int ranks) {
  const Text mine = fixed(own);
  std::vector<char> all(static_cast<std::size_t>(ranks) * kTextBytes);
  mpi_check(MPI_Allgather(mine.data(), kTextBytes, MPI_CHAR, all.data(), kTextBytes, MPI_CHAR,
                          MPI_COMM_WORLD),
            "MPI_Allgather");
  std::vector<std::string> out;
  for (int rank = 0; rank < ranks; ++rank) {
    out.emplace_back(all.data() + static_cast<std::size_t>(rank) * kTextBytes);
  }
  return out;
}

std::string program_hash() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  return fmt::format("{:08x}", text::crc32(content));
}

// Ranks that share memory are on one node, whatever their hosts are called: two containers may
// have one name.
std::vector<int> nodes_of_ranks(int rank, int ranks) {
  MPI_Comm node = MPI_COMM_NULL;
  mpi_check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node),
            "MPI_Comm_split_type");
  int first = rank;
  mpi_check(MPI_Bcast(&first, 1, MPI_INT, 0, node), "MPI_Bcast");
  mpi_check(MPI_Comm_free(&node), "MPI_Comm_free");
  std::vector<int> firsts(static_cast<std::size_t>(ranks));
  mpi_check(MPI_Allgather(&first, 1, MPI_INT, firsts.data(), 1, MPI_INT, MPI_COMM_WORLD),
            "MPI_Allgather");
  std::vector<int> seen;
  std::vector<int> out;
  for (const int leader : firsts) {
    auto found = std::find(seen.begin(), seen.end(), leader);
    if (found == seen.end()) {
      found = seen.insert(seen.end(), leader);
    }
    out.push_back(static_cast<int>(found - seen.begin()));
  }
  return out;
}

}  // namespace

void mpi_check(int code, const char* call) {
  if (code == MPI_SUCCESS) {
    return;
  }
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw DeviceError(fmt::format("{}: {}", call, std::string(text.data(), text.data() + length)));
}

MpiSession::MpiSession() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  mpi_check(MPI_Init(nullptr, nullptr), "MPI_Init");
  mpi_check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  mpi_check(MPI_Comm_size(MPI_COMM_WORLD, &ranks_), "MPI_Comm_size");
}

MpiSession::~MpiSession() { MPI_Finalize(); }

void MpiSession::end_all_ranks(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  throw std::logic_error("MPI_Abort came back");
}

void MpiSession::shake_hands() {
  const std::vector<std::string> builds = gather(git_version() + " " + program_hash(), ranks_);
  for (std::size_t rank = 1; rank < builds.size(); ++rank) {
    if (builds[rank] != builds[0]) {
      throw InputError({.code = "E_VALUE",
                        .file = "",
                        .mark = {},
                        .pointer = "",
                        .what = fmt::format("rank {} runs another build than rank 0", rank),
                        .got = builds[rank],
                        .expected = builds[0],
                        .fix = "install the same moeplan-measure on every host"});
    }
  }
}

RankWorld MpiSession::world() {
  shake_hands();
  RankWorld world;
  world.node_of_rank = nodes_of_ranks(rank_, ranks_);
  const std::vector<std::string> hosts = gather(host_fingerprint().at("host_hash"), ranks_);
  world.hosts = static_cast<int>(std::set<std::string>(hosts.begin(), hosts.end()).size());
  const auto on_node = std::count(world.node_of_rank.begin(), world.node_of_rank.end(),
                                  world.node_of_rank[static_cast<std::size_t>(rank_)]);
  // Bound ranks may use few cores each, so the cores of the whole host count.
  int tight = static_cast<int>(on_node) > host_cores() ? 1 : 0;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &tight, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD),
            "MPI_Allreduce");
  world.shared_cores = tight == 1;
  world.settings = host_fingerprint();
  world.settings.merge(mpi_settings());
  // Of all ranks: one host's MPI may be built otherwise.
  std::string& cuda_aware = world.settings["cuda_aware"];
  const std::vector<std::string> aware = from_all(cuda_aware);
  if (std::count(aware.begin(), aware.end(), aware.front()) != ranks_) {
    cuda_aware = "differs";
  }
  world.settings["program"] = program_hash();
  return world;
}

std::vector<std::string> MpiSession::from_all(const std::string& text) const {
  return gather(text, ranks_);
}

void MpiSession::fail_together(const std::string& problem) const {
  // The first rank that has a problem; the number of ranks: none has.
  int first = problem.empty() ? ranks_ : rank_;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD),
            "MPI_Allreduce");
  if (first < ranks_) {
    throw DeviceError(fmt::format("rank {}: {}", first, from(first, problem)));
  }
}

std::string MpiSession::from(int root, const std::string& text) const {
  std::int64_t size = static_cast<std::int64_t>(text.size());
  mpi_check(MPI_Bcast(&size, 1, MPI_INT64_T, root, MPI_COMM_WORLD), "MPI_Bcast");
  std::string out = text;
  out.resize(static_cast<std::size_t>(size));
  mpi_check(MPI_Bcast(out.data(), static_cast<int>(size), MPI_CHAR, root, MPI_COMM_WORLD),
            "MPI_Bcast");
  return out;
}

}  // namespace moeplan::calibrate
