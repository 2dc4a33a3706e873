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
  # With precompiled headers ccache asks for this: __TIME__ and the like are not used.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros ${MOEPLAN_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(moeplan_settings INTERFACE -fpch-preprocess)
  endif()
endif()
find_program(MOEPLAN_MOLD mold)
if(MOEPLAN_MOLD)
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=mold MOEPLAN_MOLD_WORKS) # GCC knows it from 12.1 on
  if(MOEPLAN_MOLD_WORKS)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# The files of a folder are compiled together, up to ten in one: what their headers hold is parsed and
# generated once, and a build from nothing takes little more than half the time. Files that use a name
# twice stay apart. Who edits one file again and again may want OFF.
option(MOEPLAN_UNITY "Compile the files of a folder together" ON)
find_program(MOEPLAN_AWK awk)
function(moeplan_unity name)
  list(FILTER ARGN INCLUDE REGEX "\\.cpp$")
  list(LENGTH ARGN count)
  if(NOT MOEPLAN_UNITY OR NOT MOEPLAN_AWK OR count LESS 2)
    return()
  endif()
  execute_process(COMMAND ${MOEPLAN_AWK} -v most=10 -f ${CMAKE_SOURCE_DIR}/cmake/unity_groups.awk
                          ${ARGN} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
                  OUTPUT_VARIABLE groups COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" groups "${groups}")
  foreach(line IN LISTS groups)
    string(REGEX MATCH "^([0-9]+) (.+)$" line "${line}")
    set_source_files_properties(${CMAKE_MATCH_2} PROPERTIES UNITY_GROUP ${name}_${CMAKE_MATCH_1})
  endforeach()
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A name that is used twice from now on changes the groups.
  get_property(known GLOBAL PROPERTY MOEPLAN_GROUPED)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    if(NOT source IN_LIST known) # Ninja refuses a file named by two folders
      set_property(GLOBAL APPEND PROPERTY MOEPLAN_GROUPED ${source})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    endif()
  endforeach()
endfunction()

# Parsing the standard library, fmt and GoogleTest is most of the time of a file: they are parsed once
# for all code (moeplan_pch; moeplan_cold_pch, with CLI11 moeplan_commands_pch) and once for all tests
# (moeplan_test_pch), each with the -O of those who use it. A file
# includes what it uses all the same: headers_alone (tests/architecture) is compiled without.
option(MOEPLAN_PCH "Precompiled headers" ON)
set(CMAKE_PCH_WARN_INVALID OFF) # a target with options of its own parses for itself
if(MOEPLAN_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 forgets that what it takes from a precompiled header is a system header's, and reports
  # std::string's own copies falsely.
  target_compile_options(moeplan_settings INTERFACE
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds)
endif()
set(MOEPLAN_PCH_HEADERS <fmt/format.h> <algorithm> <array> <cmath> <cstdint> <filesystem>
  <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <variant> <vector>)
function(moeplan_add_pch name)
  cmake_parse_arguments(ARG "" "" "HEADERS;OPTIONS;LIBRARIES" ${ARGN})
  moeplan_check_arguments(${name})
  set(source ${CMAKE_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// owner of a precompiled header\n")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE moeplan_settings fmt::fmt ${ARG_LIBRARIES})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS} ${MOEPLAN_PCH_HEADERS})
endfunction()
# What is parsed for `name`: moeplan_pch, or one of those of another -O, which GCC tells apart.
function(moeplan_reuse_pch name from)
  if(TARGET ${from})
    target_precompile_headers(${name} REUSE_FROM ${from})
  endif()
endfunction()

# moeplan_library(models_units SOURCES a.cpp b.cpp DEPENDS models_text LIBRARIES yaml-cpp)
# One folder = one target. DEPENDS: other folders (public). LIBRARIES: third-party code, private to
# this folder. Without SOURCES: headers only. COLD: code that runs once a file or a command, not once
# a step: at -O1 it compiles in two thirds of the time, and the bytes of results do not depend on it
# (serving.md 7). COMMANDS: cold, and parses CLI11.
function(moeplan_library name)
  cmake_parse_arguments(ARG "COLD;COMMANDS" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  moeplan_check_arguments(${name})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    moeplan_unity(${name} ${ARG_SOURCES})
    target_link_libraries(${name}
      PUBLIC moeplan_settings ${ARG_DEPENDS} PRIVATE fmt::fmt ${ARG_LIBRARIES})
    if(ARG_COLD OR ARG_COMMANDS)
      target_compile_options(${name} PRIVATE -O1)
      set(pch moeplan_cold_pch)
      if(ARG_COMMANDS)
        set(pch moeplan_commands_pch)
      endif()
      moeplan_reuse_pch(${name} ${pch})
    else()
      moeplan_reuse_pch(${name} moeplan_pch)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE moeplan_settings ${ARG_DEPENDS})
  endif()
endfunction()

# moeplan_program(name SOURCES ... DEPENDS ... LIBRARIES ...); PCH: another than moeplan_pch.
function(moeplan_program name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  moeplan_check_arguments(${name})
  add_executable(${name} ${ARG_SOURCES})
  moeplan_unity(${name} ${ARG_SOURCES})
  target_link_libraries(${name}
    PRIVATE moeplan_settings ${ARG_DEPENDS} fmt::fmt ${ARG_LIBRARIES})
  if(NOT ARG_PCH)
    set(ARG_PCH moeplan_pch)
  endif()
  moeplan_reuse_pch(${name} ${ARG_PCH})
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
  moeplan_program(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} PCH moeplan_test_pch
                  LIBRARIES $<TARGET_NAME_IF_EXISTS:tests_support> ${ARG_LIBRARIES}
                            GTest::gmock GTest::gtest_main)
  # The tests' own code: GoogleTest's macros cost half of what they do at -O3. Not the program's: the
  # linker takes functions of headers from where it meets them first.
  target_compile_options(${name} PRIVATE -O0)
  gtest_discover_tests(${name} PROPERTIES LABELS ${ARG_LABELS} DISCOVERY_TIMEOUT 60)
endfunction()

# A misspelt keyword would silently drop a source or a dependency.
macro(moeplan_check_arguments name)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: cannot read: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()
