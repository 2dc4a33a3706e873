# Compile settings and the three functions every folder uses.
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
target_compile_options(moeplan_settings INTERFACE -ffp-contract=off -Wall -Wextra -Wconversion -Wshadow)
if(MOEPLAN_WERROR)
  target_compile_options(moeplan_settings INTERFACE -Werror)
endif()
if(MOEPLAN_SANITIZE)
  target_compile_options(moeplan_settings INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(moeplan_settings INTERFACE -fsanitize=address,undefined)
endif()

find_program(MOEPLAN_CCACHE ccache)
if(MOEPLAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MOEPLAN_CCACHE})
endif()
find_program(MOEPLAN_MOLD mold)
if(MOEPLAN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# moeplan_library(models_units SOURCES a.cpp b.cpp DEPENDS models_text LIBRARIES yaml-cpp)
# One folder = one target. DEPENDS: other folders (public). LIBRARIES: third-party code, private to this folder.
function(moeplan_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC moeplan_settings ${ARG_DEPENDS} PRIVATE fmt::fmt ${ARG_LIBRARIES})
endfunction()

# moeplan_program(name SOURCES ... DEPENDS ... LIBRARIES ...)
function(moeplan_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moeplan_settings ${ARG_DEPENDS} fmt::fmt ${ARG_LIBRARIES})
endfunction()

# moeplan_test(models_units_test SOURCES ... DEPENDS ... LABELS fast): a GoogleTest program, one CTest entry per test.
# LABELS: exactly one of fast, slow, mpi, gpu (default fast).
function(moeplan_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  moeplan_program(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} tests_support
                  LIBRARIES ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" DISCOVERY_TIMEOUT 60)
endfunction()
