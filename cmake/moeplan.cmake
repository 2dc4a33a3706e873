# Compile settings and the functions every folder uses.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_library(moeplan_settings INTERFACE)
target_include_directories(moeplan_settings INTERFACE ${CMAKE_SOURCE_DIR})
# No contraction and no fast-math: the same bytes from every build type and compiler (serving.md 7).
target_compile_options(moeplan_settings INTERFACE
  -ffp-contract=off -Wall -Wextra -Wconversion -Wshadow
  # Designated initializers leave the rest at its default on purpose; GCC 12 -O3 reports -Wrestrict
  # falsely for std::string + (GCC bug 105651); clang-tidy does not know the latter's name.
  -Wno-missing-field-initializers -Wno-restrict -Wno-unknown-warning-option)
if(MOEPLAN_WERROR)
  target_compile_options(moeplan_settings INTERFACE -Werror)
endif()
if(MOEPLAN_SANITIZE)
  set(sanitizers -fsanitize=address,undefined)
  # -g1: file and line in the reports, at half the compile time of -g. GCC 12 reports std::regex
  # falsely as maybe-uninitialized when it is instrumented (GCC bug 105562).
  target_compile_options(moeplan_settings INTERFACE
    ${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -Wno-maybe-uninitialized)
  target_link_options(moeplan_settings INTERFACE ${sanitizers})
endif()

find_program(MOEPLAN_CCACHE ccache)
if(MOEPLAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MOEPLAN_CCACHE})
endif()
find_program(MOEPLAN_MOLD mold)
if(MOEPLAN_MOLD)
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=mold MOEPLAN_MOLD_WORKS) # GCC knows it from 12.1 on
  if(MOEPLAN_MOLD_WORKS)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# moeplan_library(models_units SOURCES a.cpp b.cpp DEPENDS models_text LIBRARIES yaml-cpp)
# One folder = one target. DEPENDS: other folders (public). LIBRARIES: third-party code, private to
# this folder. Without SOURCES: headers only.
function(moeplan_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  moeplan_check_arguments(${name})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name}
      PUBLIC moeplan_settings ${ARG_DEPENDS} PRIVATE fmt::fmt ${ARG_LIBRARIES})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE moeplan_settings ${ARG_DEPENDS})
  endif()
endfunction()

# moeplan_program(name SOURCES ... DEPENDS ... LIBRARIES ...)
function(moeplan_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  moeplan_check_arguments(${name})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name}
    PRIVATE moeplan_settings ${ARG_DEPENDS} fmt::fmt ${ARG_LIBRARIES})
endfunction()

# moeplan_test(models_units_test SOURCES ... DEPENDS ... LABELS fast): a GoogleTest program, one
# CTest entry per test. LABELS: exactly one of fast, slow, mpi, gpu (default fast).
# One folder of tests only: ctest --test-dir build/tests/golden
function(moeplan_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
  moeplan_check_arguments(${name})
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  elseif(NOT ARG_LABELS MATCHES "^(fast|slow|mpi|gpu)$")
    message(FATAL_ERROR "${name}: LABELS is one of fast, slow, mpi, gpu, not '${ARG_LABELS}'")
  endif()
  moeplan_program(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS}
                  LIBRARIES $<TARGET_NAME_IF_EXISTS:tests_support> ${ARG_LIBRARIES}
                            GTest::gmock GTest::gtest_main)
  # The tests' own code: GoogleTest's macros cost a third less to compile than at -O3.
  target_compile_options(${name} PRIVATE -O1)
  gtest_discover_tests(${name} PROPERTIES LABELS ${ARG_LABELS} DISCOVERY_TIMEOUT 60)
endfunction()

# A misspelt keyword would silently drop a source or a dependency.
macro(moeplan_check_arguments name)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: cannot read: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()
