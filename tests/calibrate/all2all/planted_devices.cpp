#include "tests/calibrate/all2all/planted_devices.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <set>
#include <stdexcept>
#include <vector>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::tests {
namespace {

using calibrate::DeviceError;

// Not an address of any process here: the upper half belongs to the kernel.
constexpr std::uintptr_t kMask = std::uintptr_t{1} << 63;

int rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

void* disguised(void* host) {
  return std::bit_cast<void*>(std::bit_cast<std::uintptr_t>(host) ^ kMask);
}

void* host_of(const void* device) {
  return std::bit_cast<void*>(std::bit_cast<std::uintptr_t>(device) & ~kMask);
}

class PlantedMemory : public calibrate::HostMemory {
 public:
  PlantedMemory(bool direct, bool loses) : direct_(direct), loses_(loses) {}
  void* allocate(std::size_t size) override {
    void* host = HostMemory::allocate(size);
    return direct_ ? host : disguised(host);
  }
  void release(void* address) override { HostMemory::release(host_of(address)); }
  void clear(void* address, std::size_t size) override {
    HostMemory::clear(host_of(address), size);
  }
  void copy_in(void* to, const void* host, std::size_t size) override {
    if (!loses_ || staging_.count(host) == 0) {
      HostMemory::copy_in(host_of(to), host, size);
    }
  }
  void copy_out(void* host, const void* from, std::size_t size) override {
    HostMemory::copy_out(host, host_of(from), size);
  }
  void* allocate_staging(std::size_t size) override {
    void* host = HostMemory::allocate(size);
    staging_.insert(host);
    return host;
  }
  void release_staging(void* host) override {
    staging_.erase(host);
    HostMemory::release(host);
  }

 private:
  bool direct_;
  bool loses_;
  std::set<const void*> staging_;
};

class PlantedNccl : public calibrate::NcclCommunicator {
 public:
  std::string version() const override { return "2.0.1"; }
  std::string unique_id() override {
    std::string id(128, '\0');
    id[0] = 'r';
    id[127] = static_cast<char>(rank() + 1);
    return id;
  }
  void join(const std::string& unique_id, int rank, int ranks) override {
    must(unique_id.size() == 128 && unique_id[0] == 'r' && unique_id[127] == 1,
         "the name is rank 0's, all of it");
    must(rank == tests::rank() && ranks > 1, "ranks are those of MPI");
    joined_ = true;
  }
  void start_group() override {
    must(!open_, "groups do not nest here");
    open_ = true;
    groups_.emplace_back();
  }
  void end_group() override {
    must(open_, "a group ends that began");
    open_ = false;
  }
  void send(const void* from, std::size_t size, int to) override {
    add([=](MPI_Request* request) {
      MPI_Isend(host_of(from), static_cast<int>(size), MPI_CHAR, to, 9, MPI_COMM_WORLD, request);
    });
  }
  void receive(void* to, std::size_t size, int from) override {
    add([=](MPI_Request* request) {
      MPI_Irecv(host_of(to), static_cast<int>(size), MPI_CHAR, from, 9, MPI_COMM_WORLD, request);
    });
  }
  void all_gather(const void* send, void* receive, std::size_t part) override {
    add([=](MPI_Request* request) {
      const int n = static_cast<int>(part);
      MPI_Iallgather(host_of(send), n, MPI_FLOAT, host_of(receive), n, MPI_FLOAT, MPI_COMM_WORLD,
                     request);
    });
  }
  void reduce_scatter(const void* send, void* receive, std::size_t part) override {
    add([=](MPI_Request* request) {
      MPI_Ireduce_scatter_block(host_of(send), host_of(receive), static_cast<int>(part), MPI_FLOAT,
                                MPI_SUM, MPI_COMM_WORLD, request);
    });
  }
  void all_reduce(const void* send, void* receive, std::size_t whole) override {
    add([=](MPI_Request* request) {
      MPI_Iallreduce(host_of(send), host_of(receive), static_cast<int>(whole), MPI_FLOAT, MPI_SUM,
                     MPI_COMM_WORLD, request);
    });
  }
  // As a stream: one group after the other, the calls of a group at once.
  void wait() override {
    must(!open_, "no group is open when the host waits");
    for (const std::vector<Call>& group : groups_) {
      std::vector<MPI_Request> requests(group.size(), MPI_REQUEST_NULL);
      for (std::size_t i = 0; i < group.size(); ++i) {
        group[i](&requests[i]);
      }
      MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
    }
    groups_.clear();
  }

 private:
  using Call = std::function<void(MPI_Request*)>;
  static void must(bool condition, const char* rule) {
    if (!condition) {
      throw std::logic_error(rule);
    }
  }
  void add(Call call) {
    must(joined_, "a rank joins before it exchanges");
    if (!open_) {
      groups_.emplace_back();
    }
    groups_.back().push_back(std::move(call));
  }
  bool joined_ = false;
  bool open_ = false;
  std::vector<std::vector<Call>> groups_;
};

class PlantedDevices : public calibrate::ExchangeDevices {
 public:
  PlantedDevices(std::string fault, bool direct) : fault_(std::move(fault)), direct_(direct) {}
  int visible() override {
    if (fault_ == "no_gpu" && rank() == 1) {
      throw DeviceError("no GPU can be used here (planted)");
    }
    return fault_ == "one_gpu" ? 1 : 8;
  }
  calibrate::OpenedDevice open(int device) override {
    const bool other = fault_ == "other_gpu" && rank() == 1;
    return {.memory = std::make_unique<PlantedMemory>(direct_, fault_ == "lost"),
            .name = other ? "Planted GPU 2" : "Planted GPU",
            .id = fmt::format("{:032}", device),
            .bytes = 1e9,
            .settings = {{"cuda_runtime", "13000"}}};
  }
  std::unique_ptr<calibrate::NcclCommunicator> nccl() override {
    if (fault_ == "no_nccl" && rank() == 1) {
      throw DeviceError("NCCL is not installed here (planted)");
    }
    return std::make_unique<PlantedNccl>();
  }

 private:
  std::string fault_;
  bool direct_;
};

}  // namespace

std::unique_ptr<calibrate::ExchangeDevices> planted_devices(const std::string& fault, bool direct) {
  return std::make_unique<PlantedDevices>(fault, direct);
}

}  // namespace moeplan::tests
