# SPDX-License-Identifier: Apache-2.0

# The system whose folders under src/os are compiled.
if(WIN32)
  set(PLACID_SYSTEM windows)
elseif(APPLE)
  set(PLACID_SYSTEM darwin)
elseif(CMAKE_SYSTEM_NAME STREQUAL Linux)
  set(PLACID_SYSTEM linux)
else()
  message(FATAL_ERROR "placid has no port to ${CMAKE_SYSTEM_NAME}: "
    "include/placid/os says what one must do, src/os/linux is an example")
endif()

# placid_target(<target>): how all code of ours is compiled. Nothing here is
# seen by whoever links to the target.
function(placid_target target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    # On 32 bits too a file may be larger than 2 GiB.
    target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64)
  endif()
  if(MSVC)
    target_compile_options(${target} PRIVATE /permissive- /Zc:__cplusplus)
  elseif(PLACID_STRICT)
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wconversion -Wshadow -Werror)
  endif()
endfunction()
