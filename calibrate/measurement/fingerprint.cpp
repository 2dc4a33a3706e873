#include "calibrate/measurement/fingerprint.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknown = "unknown";
constexpr std::size_t kHashDigits = 12;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The value of "key   : value" in /proc/cpuinfo or /proc/meminfo; "" when it is not there.
std::string value_in(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with(key) && colon != std::string::npos) {
      const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return "";
}

// "32768K" -> bytes.
double bytes_of(const std::string& text) {
  double value = 0.0;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      value = 10.0 * value + (c - '0');
    } else {
      return c == 'K' ? value * 1024.0 : c == 'M' ? value * 1048576.0 : value;
    }
  }
  return value;
}

// The most last-level cache that cores of an x86 processor share (EPYC with stacked cache). Virtual
// machines without /sys/.../cache say through sysconf what the whole socket has, in all its parts.
constexpr double kMostSharedCache = 96.0 * 1048576.0;

double cache_by_sysconf(int level) {
  const int name = level == 1   ? _SC_LEVEL1_DCACHE_SIZE
                   : level == 2 ? _SC_LEVEL2_CACHE_SIZE
                   : level == 3 ? _SC_LEVEL3_CACHE_SIZE
                                : _SC_LEVEL4_CACHE_SIZE;
  return std::clamp(static_cast<double>(::sysconf(name)), 0.0, kMostSharedCache);
}

// Data or unified cache of the level, of the first core; 0 when there is none.
double cache_bytes(int level) {
  for (int index = 0; index < 8; ++index) {
    const fs::path cache = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}", index);
    if (first_line(cache / "level") == std::to_string(level) &&
        first_line(cache / "type") != "Instruction") {
      return bytes_of(first_line(cache / "size"));
    }
  }
  return fs::exists("/sys/devices/system/cpu/cpu0/cache/index0") ? 0.0 : cache_by_sysconf(level);
}

std::string or_unknown(const std::string& text) { return text.empty() ? kUnknown : text; }

std::string whole(double value) {
  return value > 0.0 ? fmt::format("{:.0f}", value) : std::string(kUnknown);
}

std::string numa_nodes() {
  int nodes = 0;
  while (fs::exists(fmt::format("/sys/devices/system/node/node{}", nodes))) {
    ++nodes;
  }
  return nodes == 0 ? kUnknown : std::to_string(nodes);
}

std::string host_hash() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return kUnknown;
  }
  return text::sha256(name.data()).substr(0, kHashDigits);
}

}  // namespace

double last_level_cache_bytes() {
  double bytes = 0.0;
  for (int level = 1; level <= 4; ++level) {
    bytes = std::max(bytes, cache_bytes(level));
  }
  return bytes;
}

double memory_bytes() { return bytes_of(value_in("/proc/meminfo", "MemTotal")) * 1024.0; }

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::map<std::string, std::string> host_fingerprint() {
  utsname system{};
  const bool named = ::uname(&system) == 0;
  const std::string flags = value_in("/proc/cpuinfo", "flags");
  return {
      {"cpu", or_unknown(value_in("/proc/cpuinfo", "model name"))},
      {"cores", std::to_string(usable_cores())},
      {"l1d_bytes", whole(cache_bytes(1))},
      {"l2_bytes", whole(cache_bytes(2))},
      {"l3_bytes", whole(cache_bytes(3))},
      {"memory_bytes", whole(memory_bytes())},
      {"numa_nodes", numa_nodes()},
      {"virtual_machine", flags.empty()                                                   ? kUnknown
                          : (" " + flags + " ").find(" hypervisor ") != std::string::npos ? "yes"
                                                                                          : "no"},
      {"governor", or_unknown(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))},
      {"kernel", named ? fmt::format("{} {}", system.sysname, system.release) : kUnknown},
      {"compiler", fmt::format("{}", __VERSION__)},
#ifdef __GLIBC__
      {"libc", fmt::format("glibc {}.{}", __GLIBC__, __GLIBC_MINOR__)},
#endif
      {"moeplan", git_version()},
      {"host_hash", host_hash()}};
}

}  // namespace moeplan::calibrate
