# SPDX-License-Identifier: Apache-2.0
#
# What ./run arch runs. The native build makes what stands at one end of a mapping
# that two processors share; each foreign build has the tests:
#
#   arch:base, arch:primitives
#                      the unit tests: one program each, since to start the
#                      emulator for every case would take longer than the cases
#   arch:alone         all placements, both ends of that processor: the part of the
#                      os layer's promises that its emulator keeps
#   arch:with_x86_64   little-endian: values go both ways, each side creates
#   arch:with_aarch64  the same of armhf with aarch64, both emulated
#   arch:byte_order    big-endian: either side refuses the other's by name
#
# The tests of placements do all that sharing takes: the process at the other end
# is the same program, compiled for another processor and run by its emulator.
if(NOT CMAKE_CROSSCOMPILING)
  add_executable(byte_order_test ${PROJECT_SOURCE_DIR}/tests/arch/byte_order_test.cc
    ${PROJECT_SOURCE_DIR}/tests/conformance/placement/other_side.cc)
  placid_target(byte_order_test)
  target_include_directories(byte_order_test PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(byte_order_test PRIVATE placid::placid
    placid_test_support GTest::gtest Threads::Threads)
  return()
endif()

set(PLACID_ARCH_BUILDS "" CACHE PATH "Where the builds of all processors are")

# placid_arch_test(<name> COMMAND...): with this build's program as the peer.
function(placid_arch_test name)
  add_test(NAME arch:${name} COMMAND ${ARGN})
  set_tests_properties(arch:${name} PROPERTIES TIMEOUT 300 ENVIRONMENT
    "PLACID_PEER=${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:placement_conformance>")
endfunction()

set(two_processes
  "--gtest_filter=*NamedInTwoProcesses*:*HandedOver*:*FileMapping*")
foreach(layer IN LISTS PLACID_TEST_LAYERS)
  placid_arch_test(${layer} ${layer}_test)
endforeach()
placid_arch_test(alone placement_conformance)
if(CMAKE_CXX_BYTE_ORDER STREQUAL BIG_ENDIAN)
  placid_arch_test(byte_order ${PLACID_ARCH_BUILDS}/arch-native/bin/byte_order_test)
else()
  placid_arch_test(with_x86_64
    ${PLACID_ARCH_BUILDS}/arch-native/bin/placement_conformance ${two_processes})
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL armhf)
  placid_arch_test(with_aarch64 qemu-aarch64
    ${PLACID_ARCH_BUILDS}/arch-aarch64/bin/placement_conformance ${two_processes})
endif()
