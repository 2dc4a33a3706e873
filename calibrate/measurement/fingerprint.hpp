#pragma once
// Fingerprint: what a figure depends on of the machine and the program, by key; no names of hosts,
// no paths. Two runs may be joined only where it is the same.

#include <map>
#include <string>

namespace moeplan::calibrate {

// cpu, cores (this process may use), l1d_bytes l2_bytes l3_bytes (of the first core), memory_bytes,
// numa_nodes, virtual_machine, governor, kernel, compiler, libc, moeplan (git revision), host_hash
// (of the host's name, to tell machines apart). "unknown" where the system does not say.
std::map<std::string, std::string> host_fingerprint();

// Bytes of the last-level cache of the first core; 0 where the system does not say.
double last_level_cache_bytes();
double memory_bytes();  // of the host
int usable_cores();     // that this process may run on

// `git describe` of the source tree when it was built ("-dirty" with local changes).
std::string git_version();

}  // namespace moeplan::calibrate
