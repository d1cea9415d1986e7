# SPDX-License-Identifier: Apache-2.0
#
# Abseil serves inside the .cc files of the program. A plain build takes the
# system's. Sanitizers must see Abseil's own code (Debian's 20220623
# makes ThreadSanitizer cry wolf) and foreign systems have none, so those builds
# compile a source tree of release 20240722 or newer. In this order:
#   1. PLACID_ABSEIL_SOURCE_DIR;
#   2. what an earlier build left in PLACID_CACHE_DIR;
#   3. on a Debian machine Debian's source package, from the machine's own
#      mirror and with its signature checked (get_abseil.sh);
#   4. FetchContent.

if(DEFINED ENV{XDG_CACHE_HOME})
  set(placid_cache "$ENV{XDG_CACHE_HOME}/placid")
else()
  set(placid_cache "$ENV{HOME}/.cache/placid")
endif()
set(PLACID_CACHE_DIR "${placid_cache}" CACHE PATH
  "Where downloaded sources and tools are kept, outside the tree")
option(PLACID_ABSEIL_FROM_SOURCE "Compile Abseil rather than find it" OFF)
set(PLACID_ABSEIL_SOURCE_DIR "" CACHE PATH
  "A source tree of Abseil 20240722 or newer; empty: find one")

# placid_find_abseil(): makes the targets absl::* known.
function(placid_find_abseil)
  if(TARGET absl::strings)
    return()  # a parent project has brought its own
  endif()
  if(NOT PLACID_ABSEIL_FROM_SOURCE AND NOT PLACID_ABSEIL_SOURCE_DIR)
    find_package(absl REQUIRED GLOBAL)
    return()
  endif()

  set(source "${PLACID_ABSEIL_SOURCE_DIR}")
  set(cached "${PLACID_CACHE_DIR}/abseil-20240722")
  find_program(PLACID_APT_GET apt-get)
  mark_as_advanced(PLACID_APT_GET)
  if(NOT source AND NOT EXISTS "${cached}/CMakeLists.txt" AND PLACID_APT_GET)
    message(STATUS "Abseil: getting Debian's source package")
    execute_process(
      COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/get_abseil.sh ${cached}
      RESULT_VARIABLE failed)
    if(failed)
      message(STATUS "Abseil: no source package to be had, trying FetchContent")
    endif()
  endif()
  if(NOT source AND EXISTS "${cached}/CMakeLists.txt")
    set(source "${cached}")
  endif()
  if(NOT source)
    include(FetchContent)
    FetchContent_Declare(abseil
      GIT_REPOSITORY https://github.com/abseil/abseil-cpp.git
      GIT_TAG 20240722.0 GIT_SHALLOW ON)
    FetchContent_GetProperties(abseil)
    if(NOT abseil_POPULATED)
      FetchContent_Populate(abseil)
    endif()
    set(source "${abseil_SOURCE_DIR}")
  endif()

  set(CMAKE_CXX_STANDARD 20)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(BUILD_SHARED_LIBS OFF)
  set(ABSL_PROPAGATE_CXX_STD ON)
  set(ABSL_ENABLE_INSTALL OFF)
  file(STRINGS "${source}/absl/base/config.h" release
    REGEX "^#define ABSL_LTS_RELEASE_VERSION [0-9]+$")
  string(REGEX MATCH "[0-9]+$" release "${release}")
  if(NOT release GREATER_EQUAL 20240722)
    message(FATAL_ERROR "${source} holds Abseil '${release}': 20240722 or newer "
      "is needed, name one in PLACID_ABSEIL_SOURCE_DIR")
  endif()
  message(STATUS "Abseil: ${release} compiled from ${source}")
  add_subdirectory("${source}" ${PROJECT_BINARY_DIR}/abseil
    EXCLUDE_FROM_ALL SYSTEM)
endfunction()
