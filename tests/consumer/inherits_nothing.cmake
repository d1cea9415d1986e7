# SPDX-License-Identifier: Apache-2.0

# inherits_nothing(<placid's source dir>): stops if placid, as part of a greater
# project, brings more than its libraries.
function(inherits_nothing dir)
  get_property(targets DIRECTORY ${dir} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(tests DIRECTORY ${dir} PROPERTY TESTS)
  set(expected placid placid_base placid_os placid_primitives
    placid_segment placid_wait)
  list(SORT targets)
  if(NOT targets STREQUAL expected)
    message(FATAL_ERROR "targets: ${targets}, expected: ${expected}")
  endif()
  if(tests)
    message(FATAL_ERROR "tests: ${tests}")
  endif()
  foreach(target IN LISTS targets)
    foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_OPTIONS)
      get_target_property(value ${target} INTERFACE_${property})
      if(value)
        message(FATAL_ERROR "${target}: INTERFACE_${property} is ${value}")
      endif()
    endforeach()
  endforeach()
endfunction()
