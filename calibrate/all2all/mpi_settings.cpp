#include "calibrate/all2all/mpi_settings.hpp"

#include <mpi.h>
#include <unistd.h>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <array>
#include <string_view>
#include <vector>

#include "calibrate/all2all/mpi_session.hpp"

namespace moeplan::calibrate {
namespace {

bool matters(std::string_view name) {
  const bool tuned = name.starts_with("coll_tuned_") &&
                     (name.ends_with("_algorithm") || name.ends_with("use_dynamic_rules"));
  const bool limit = name.starts_with("btl_") && name.ends_with("eager_limit");
  return tuned || limit || name == "pml" || name == "btl" || name == "coll" ||
         name == "mpi_yield_when_idle" || name == "btl_tcp_if_include";
}

// Of one control variable; "" where its type is none of these.
std::string value_of(int index, MPI_Datatype type) {
  MPI_T_cvar_handle handle{};
  int count = 0;
  if (MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) != MPI_SUCCESS) {
    return "";
  }
  std::vector<char> raw(4096 + 16 * static_cast<std::size_t>(count), '\0');
  std::string text;
  if (MPI_T_cvar_read(handle, raw.data()) == MPI_SUCCESS) {
    if (type == MPI_CHAR) {
      text = raw.data();
    } else if (type == MPI_INT) {
      text = std::to_string(*reinterpret_cast<const int*>(raw.data()));
    } else if (type == MPI_UNSIGNED) {
      text = std::to_string(*reinterpret_cast<const unsigned*>(raw.data()));
    } else if (type == MPI_UNSIGNED_LONG || type == MPI_COUNT) {
      text = std::to_string(*reinterpret_cast<const unsigned long*>(raw.data()));
    } else if (type == MPI_UNSIGNED_LONG_LONG) {
      text = std::to_string(*reinterpret_cast<const unsigned long long*>(raw.data()));
    }
  }
  MPI_T_cvar_handle_free(&handle);
  return text;
}

void control_variables(std::map<std::string, std::string>& out) {
  int provided = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) {
    return;
  }
  int variables = 0;
  MPI_T_cvar_get_num(&variables);
  for (int i = 0; i < variables; ++i) {
    std::array<char, 256> name{};
    int name_length = static_cast<int>(name.size());
    int about_length = 0;
    int verbosity = 0;
    int bind = 0;
    int scope = 0;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_T_enum kind = MPI_T_ENUM_NULL;
    if (MPI_T_cvar_get_info(i, name.data(), &name_length, &verbosity, &type, &kind, nullptr,
                            &about_length, &bind, &scope) == MPI_SUCCESS &&
        matters(name.data())) {
      const std::string value = value_of(i, type);
      if (!value.empty()) {
        out[std::string("mpi_t ") + name.data()] = value;
      }
    }
  }
  MPI_T_finalize();
}

}  // namespace

std::map<std::string, std::string> mpi_settings() {
  std::map<std::string, std::string> out;
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> version{};
  int length = 0;
  mpi_check(MPI_Get_library_version(version.data(), &length), "MPI_Get_library_version");
  const std::string text(version.data());
  out["mpi"] = text.substr(0, text.find_first_of(",\n"));  // the rest names who built it where
#if defined(MPIX_CUDA_AWARE_SUPPORT)
  out["cuda_aware"] = MPIX_Query_cuda_support() == 1 ? "yes" : "no";
#else
  out["cuda_aware"] = "unknown";
#endif
  control_variables(out);
  return out;
}

int host_cores() { return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace moeplan::calibrate
