// NCCL through dlopen: the program starts where there is none. Nothing of it has run on a GPU yet.
#include <dlfcn.h>
#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <vector>

#include "calibrate/all2all/cuda_devices.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

// The library's calls, by name. It stays open until the process ends.
struct NcclCalls {
  decltype(&ncclGetVersion) get_version;
  decltype(&ncclGetUniqueId) get_unique_id;
  decltype(&ncclCommInitRank) init_rank;
  decltype(&ncclCommDestroy) destroy;
  decltype(&ncclCommGetAsyncError) get_async_error;
  decltype(&ncclGetErrorString) error_string;
  decltype(&ncclGroupStart) group_start;
  decltype(&ncclGroupEnd) group_end;
  decltype(&ncclSend) send;
  decltype(&ncclRecv) receive;
  decltype(&ncclAllGather) all_gather;
  decltype(&ncclReduceScatter) reduce_scatter;
  decltype(&ncclAllReduce) all_reduce;
};

NcclCalls load_calls() {
  void* library = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw DeviceError(fmt::format("NCCL is not installed here: {}", ::dlerror()));
  }
  const auto find = [library](auto& call, const char* name) {
    call = reinterpret_cast<std::decay_t<decltype(call)>>(::dlsym(library, name));
    if (call == nullptr) {
      throw DeviceError(fmt::format("libnccl.so.2 has no {}", name));
    }
  };
  NcclCalls calls{};
  find(calls.get_version, "ncclGetVersion");
  find(calls.get_unique_id, "ncclGetUniqueId");
  find(calls.init_rank, "ncclCommInitRank");
  find(calls.destroy, "ncclCommDestroy");
  find(calls.get_async_error, "ncclCommGetAsyncError");
  find(calls.error_string, "ncclGetErrorString");
  find(calls.group_start, "ncclGroupStart");
  find(calls.group_end, "ncclGroupEnd");
  find(calls.send, "ncclSend");
  find(calls.receive, "ncclRecv");
  find(calls.all_gather, "ncclAllGather");
  find(calls.reduce_scatter, "ncclReduceScatter");
  find(calls.all_reduce, "ncclAllReduce");
  return calls;
}

class NcclLibrary : public NcclCommunicator {
 public:
  NcclLibrary() : calls_(load_calls()) {}
  ~NcclLibrary() override {
    if (communicator_ != nullptr) {
      calls_.destroy(communicator_);
      cudaStreamDestroy(stream_);
    }
  }
  NcclLibrary(const NcclLibrary&) = delete;
  NcclLibrary& operator=(const NcclLibrary&) = delete;

  std::string version() const override {
    int code = 0;
    check(calls_.get_version(&code), "ncclGetVersion");
    // Major x 10000 + minor x 100 + patch since 2.9, before it major x 1000.
    const int major = code >= 10000 ? code / 10000 : code / 1000;
    return fmt::format("{}.{}.{}", major, code / 100 % (code >= 10000 ? 100 : 10), code % 100);
  }
  std::string unique_id() override {
    ncclUniqueId id{};
    check(calls_.get_unique_id(&id), "ncclGetUniqueId");
    return {std::begin(id.internal), std::end(id.internal)};
  }
  void join(const std::string& unique_id, int rank, int ranks) override {
    ncclUniqueId id{};
    require(unique_id.size() == sizeof(id.internal), "the name of a communicator is whole");
    std::copy(unique_id.begin(), unique_id.end(), std::begin(id.internal));
    check_runtime(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
                  "cudaStreamCreateWithFlags");
    check(calls_.init_rank(&communicator_, ranks, id, rank), "ncclCommInitRank");
  }
  void start_group() override { check(calls_.group_start(), "ncclGroupStart"); }
  void end_group() override { check(calls_.group_end(), "ncclGroupEnd"); }
  void send(const void* from, std::size_t size, int to) override {
    check(calls_.send(from, size, ncclChar, to, communicator_, stream_), "ncclSend");
  }
  void receive(void* to, std::size_t size, int from) override {
    check(calls_.receive(to, size, ncclChar, from, communicator_, stream_), "ncclRecv");
  }
  void all_gather(const void* send, void* receive, std::size_t part) override {
    check(calls_.all_gather(send, receive, part, ncclFloat, communicator_, stream_),
          "ncclAllGather");
  }
  void reduce_scatter(const void* send, void* receive, std::size_t part) override {
    check(calls_.reduce_scatter(send, receive, part, ncclFloat, ncclSum, communicator_, stream_),
          "ncclReduceScatter");
  }
  void all_reduce(const void* send, void* receive, std::size_t whole) override {
    check(calls_.all_reduce(send, receive, whole, ncclFloat, ncclSum, communicator_, stream_),
          "ncclAllReduce");
  }
  void wait() override {
    check_runtime(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    ncclResult_t late = ncclSuccess;
    check(calls_.get_async_error(communicator_, &late), "ncclCommGetAsyncError");
    check(late, "NCCL, after its kernels");
  }

 private:
  void check(ncclResult_t result, const char* call) const {
    if (result != ncclSuccess) {
      throw DeviceError(fmt::format("{}: {}", call, calls_.error_string(result)));
    }
  }
  NcclCalls calls_;
  ncclComm_t communicator_ = nullptr;
  cudaStream_t stream_ = nullptr;
};

}  // namespace

std::unique_ptr<NcclCommunicator> open_nccl() { return std::make_unique<NcclLibrary>(); }

}  // namespace moeplan::calibrate
