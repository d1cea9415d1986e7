# SPDX-License-Identifier: Apache-2.0
#
# The program `placid`, and its sources as a library for tests/cli.

file(GLOB cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.cc)
list(FILTER cli_sources EXCLUDE REGEX
  "/(main|crc32c_[a-z]+|system_[a-z]+)\\.cc$")
list(APPEND cli_sources ${PROJECT_SOURCE_DIR}/src/cli/system_${PLACID_SYSTEM}.cc)
if(UNIX)
  list(APPEND cli_sources ${PROJECT_SOURCE_DIR}/src/cli/system_posix.cc)
endif()
if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/cli/main.cc)
  return()
endif()

placid_find_abseil()
find_package(Threads REQUIRED)

# placid_header_only(<target> <header> <package>): what has nothing to link can
# serve a foreign build too. Only that folder is shown to the compiler, never
# all of the system's own /usr/include.
function(placid_header_only target header package)
  if(NOT CMAKE_CROSSCOMPILING)
    find_package(${package} REQUIRED GLOBAL)
    return()
  endif()
  get_filename_component(folder ${header} DIRECTORY)
  find_path(PLACID_${package}_DIR ${header} PATHS /usr/include
    NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  set(view ${PROJECT_BINARY_DIR}/headers/${package})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${PLACID_${package}_DIR}/${folder} ${view}/${folder} SYMBOLIC)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE ${view})
endfunction()
placid_header_only(CLI11::CLI11 CLI/CLI.hpp CLI11)
placid_header_only(nlohmann_json::nlohmann_json nlohmann/json.hpp nlohmann_json)

# CRC32C in hardware: Abseil's own since 20230125, Intel's ISA-L beside an older.
if(TARGET absl::crc32c)
  set(crc32c_source crc32c_absl.cc)
  set(crc32c_library absl::crc32c)
else()
  find_path(PLACID_ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)
  find_library(PLACID_ISAL_LIBRARY isal REQUIRED)
  add_library(placid_isal INTERFACE)
  target_include_directories(placid_isal SYSTEM INTERFACE
    ${PLACID_ISAL_INCLUDE_DIR})
  target_link_libraries(placid_isal INTERFACE ${PLACID_ISAL_LIBRARY})
  set(crc32c_source crc32c_isal.cc)
  set(crc32c_library placid_isal)
endif()

add_library(placid_cli STATIC
  ${cli_sources} ${PROJECT_SOURCE_DIR}/src/cli/${crc32c_source})
placid_target(placid_cli)
target_include_directories(placid_cli PUBLIC ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(placid_cli
  PUBLIC placid::placid CLI11::CLI11 nlohmann_json::nlohmann_json
    absl::str_format absl::strings
  PRIVATE ${crc32c_library} Threads::Threads)
target_compile_definitions(placid_cli
  PRIVATE PLACID_VERSION="${PROJECT_VERSION}")

add_executable(placid_program ${PROJECT_SOURCE_DIR}/src/cli/main.cc)
placid_target(placid_program)
target_link_libraries(placid_program PRIVATE placid_cli)
set_target_properties(placid_program PROPERTIES OUTPUT_NAME placid)
