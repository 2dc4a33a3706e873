#include "calibrate/all2all/exchange_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "calibrate/all2all/mpi_transport.hpp"
#include "calibrate/all2all/nccl_transport.hpp"
#include "calibrate/all2all/staged_transport.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/fingerprint.hpp"

namespace moeplan::calibrate {
namespace {

// Runs one rank's part; where it fails on any rank, all throw the first one's text.
template <class Part>
void together(MpiSession& session, const Part& part) {
  std::string problem;
  try {
    part();
  } catch (const DeviceError& error) {
    problem = error.what();
  }
  session.fail_together(problem);
}

// Ranks on this one's node with a smaller number.
int place_on_node(const RankWorld& world, int rank) {
  const auto begin = world.node_of_rank.begin();
  return static_cast<int>(std::count(begin, begin + rank, begin[rank]));
}

std::string same_on_all(MpiSession& session, const std::string& own, const char* what) {
  const std::vector<std::string> all = session.from_all(own);
  const auto other = std::find_if(all.begin(), all.end(),
                                  [&](const std::string& text) { return text != all.front(); });
  if (other != all.end()) {
    throw DeviceError(fmt::format("ranks have different {}: {} and, on rank {}, {}", what,
                                  all.front(), other - all.begin(), *other));
  }
  return all.front();
}

}  // namespace

ExchangePath::ExchangePath(MpiSession& session, ExchangeWay way, ExchangeDevices& devices,
                           RankWorld& world)
    : capacity_(memory_bytes() / session.ranks()) {
  if (way == ExchangeWay::host) {
    memory_ = std::make_unique<HostMemory>();
    transport_ = std::make_unique<MpiTransport>();
    return;
  }
  const double of_host = capacity_;
  open_device(session, devices, world);
  if (way == ExchangeWay::nccl) {
    open_nccl(session, devices, world);
  } else if (way == ExchangeWay::device) {
    transport_ = std::make_unique<MpiTransport>();
  } else {
    capacity_ = std::min(capacity_, of_host);
    host_ = std::make_unique<MpiTransport>();
    transport_ = std::make_unique<StagedTransport>(*memory_, *host_, session.ranks());
  }
}

void ExchangePath::open_device(MpiSession& session, ExchangeDevices& devices, RankWorld& world) {
  OpenedDevice opened;
  together(session, [&] {
    opened = devices.open(place_on_node(world, session.rank()) % devices.visible());
  });
  memory_ = std::move(opened.memory);
  world.settings["device"] = same_on_all(session, opened.name, "GPUs");
  for (const auto& [key, value] : opened.settings) {
    world.settings[key] = same_on_all(session, value, key.c_str());
  }
  const std::vector<std::string> ids = session.from_all(opened.id);
  const auto sharers = std::count(ids.begin(), ids.end(), opened.id);
  const std::set<std::string> different(ids.begin(), ids.end());
  world.settings["devices_shared"] = different.size() < ids.size() ? "yes" : "no";
  capacity_ = opened.bytes / static_cast<double>(sharers);
}

void ExchangePath::open_nccl(MpiSession& session, ExchangeDevices& devices, RankWorld& world) {
  if (world.settings.at("devices_shared") == "yes") {
    throw DeviceError("NCCL needs a GPU of its own for every rank, and ranks share one here");
  }
  std::string version;
  together(session, [&] {
    nccl_ = devices.nccl();
    version = nccl_->version();
  });
  world.settings["nccl"] = same_on_all(session, version, "versions of NCCL");
  std::string id;
  together(session, [&] { id = session.rank() == 0 ? nccl_->unique_id() : std::string(); });
  id = session.from_first(id);
  together(session, [&] { nccl_->join(id, session.rank(), session.ranks()); });
  transport_ = std::make_unique<NcclTransport>(*nccl_, session.ranks());
}

}  // namespace moeplan::calibrate
