# SPDX-License-Identifier: Apache-2.0
#
# The kill-stepper: tests/crash. Its program is compiled by several compilers and
# levels, whatever this build's own are, so it belongs to one build only. A
# compiler that is missing fails its tests and says so.
if(NOT PLACID_HAS_STEPPER)
  message(STATUS "the kill-stepper is not built here: see tests/crash/README.md")
  return()
endif()

# What products are built like; ./run verify has all six compilers and levels.
set(PLACID_CRASH_BUILDS "g++ -O2" "clang++-19 -O3" CACHE STRING
  "The compilers and levels whose programs are killed at every instruction")
foreach(build IN LISTS PLACID_CRASH_BUILDS)
  separate_arguments(build UNIX_COMMAND ${build})
  list(GET build 0 compiler)
  list(GET build 1 level)
  set(test crash:${compiler}${level})
  add_test(NAME ${test} COMMAND Python3::Interpreter
    ${PROJECT_SOURCE_DIR}/tests/crash/crash_matrix.py
    ${PROJECT_BINARY_DIR}/crash --compiler ${compiler} --level ${level})
  set_tests_properties(${test} PROPERTIES LABELS crash TIMEOUT 900)
endforeach()

# That the stepper finds what it is for.
file(GLOB crash_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/crash/*.cc)
list(FILTER crash_sources EXCLUDE REGEX "(_crash|/main)\\.cc$")
add_executable(crash_test ${crash_sources})
placid_target(crash_test)
target_include_directories(crash_test PRIVATE ${PROJECT_SOURCE_DIR})
# As above, no lazy binding in the midst of a play.
target_link_options(crash_test PRIVATE LINKER:-z,now)
target_link_libraries(crash_test PRIVATE placid::primitives GTest::gtest_main)
gtest_discover_tests(crash_test TEST_PREFIX crash_test: NO_PRETTY_VALUES
  DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 300 LABELS crash)
