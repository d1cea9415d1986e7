# SPDX-License-Identifier: Apache-2.0

# placid_layer(<layer> [MAY_INCLUDE <layer>...] [PORT <system>] [USES <target>...])
#
# A layer is one folder under include/placid, one target placid::<layer>, and
# one row of the table in include/placid/README.md. Each of its headers must
# compile alone (target all_verify_interface_header_sets).
#
# A layer with a folder under src is a library, else headers and nothing more.
# One with ports compiles src/<layer>/*.cc and the folders of its system. USES
# names what the .cc files need besides the layers, kept out of the headers.
function(placid_layer layer)
  cmake_parse_arguments(ARG "" "PORT" "MAY_INCLUDE;USES" ${ARGN})
  set(target placid_${layer})
  list(TRANSFORM ARG_MAY_INCLUDE PREPEND placid_ OUTPUT_VARIABLE below)
  placid_sources(sources src/${layer} "${ARG_PORT}")
  if(sources)
    add_library(${target} ${sources})
    set(scope PUBLIC)
    placid_target(${target})
    placid_library(${target})
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
      WINDOWS_EXPORT_ALL_SYMBOLS ON)
    target_link_libraries(${target} PRIVATE ${ARG_USES})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(placid::${layer} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${layer})
  file(GLOB headers CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/include/placid/${layer}/*.h)
  target_sources(${target} ${scope} FILE_SET HEADERS
    BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} ${below})
  set(PLACID_LAYERS ${PLACID_LAYERS} ${target} PARENT_SCOPE)
endfunction()

# placid_sources(<out> <folder> <system>): the .cc files of a folder that has
# one below it for each system, and posix for what two of them share.
function(placid_sources out folder system)
  set(folders ${folder})
  if(system STREQUAL linux OR system STREQUAL darwin)
    list(APPEND folders ${folder}/posix)
  endif()
  if(system)
    list(APPEND folders ${folder}/${system})
  endif()
  list(TRANSFORM folders PREPEND ${PROJECT_SOURCE_DIR}/)
  list(TRANSFORM folders APPEND /*.cc)
  file(GLOB sources CONFIGURE_DEPENDS ${folders})
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# placid_library(<target>): as part of the library rather than of a program.
function(placid_library target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT MSVC)
    target_compile_options(${target} PRIVATE -fno-exceptions)
    # The sanitizer of undefined behaviour looks at the types of what it meets.
    if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize=.*undefined")
      target_compile_options(${target} PRIVATE -fno-rtti)
    endif()
  endif()
endfunction()
