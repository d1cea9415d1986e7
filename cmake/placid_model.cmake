# SPDX-License-Identifier: Apache-2.0
#
# The model checker, its own tests and the models of tests/*/*_model.cc: one
# program, in which the headers of include/placid stand on the model's machine.
# It links to nothing of ours that was compiled for the real one.
#
# Its threads are fibers of one thread, so sanitizers would not understand its
# stacks, nor find anything: it is left out of their builds, and of foreign ones,
# since what it shows depends on no processor.
if(NOT UNIX OR CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  message(STATUS "model_test is not built here: see cmake/placid_model.cmake")
  return()
endif()

# The checker itself, for the models here and for those of other people.
set(model_folder ${PROJECT_SOURCE_DIR}/tests/model)
set(checker copies_and_waits engine explore fiber memory mutation seam site
  source_orders steps trace)
list(TRANSFORM checker REPLACE "(.+)" "${model_folder}/\\1.cc")
add_library(placid_model_checker STATIC EXCLUDE_FROM_ALL ${checker})
placid_target(placid_model_checker)
target_compile_definitions(placid_model_checker PUBLIC
  "PLACID_MACHINE_HEADER=\"tests/model/machine.h\"")
# Millions of executions, also in a build for debugging.
target_compile_options(placid_model_checker PUBLIC -O2)
target_include_directories(placid_model_checker PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(placid_model_checker PUBLIC placid::primitives)

file(GLOB model_sources CONFIGURE_DEPENDS
  ${model_folder}/*.cc ${PROJECT_SOURCE_DIR}/tests/*/*_model.cc)
list(REMOVE_DUPLICATES model_sources)
list(REMOVE_ITEM model_sources ${checker})
list(FILTER model_sources EXCLUDE REGEX "/tests/toy/")
add_executable(model_test ${model_sources})
placid_target(model_test)
target_compile_definitions(model_test PRIVATE
  "PLACID_MODEL_HEADERS=\"${PROJECT_SOURCE_DIR}/include/placid/\"")
target_link_libraries(model_test PRIVATE placid_model_checker GTest::gtest)
gtest_discover_tests(model_test TEST_PREFIX model_test: NO_PRETTY_VALUES
  DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600 LABELS model)

# The README's example of a type that is not ours.
add_executable(model_own_type ${model_folder}/own_type/mailbox_check.cc)
placid_target(model_own_type)
target_link_libraries(model_own_type PRIVATE placid_model_checker)
add_test(NAME model:own_type COMMAND model_own_type)
set_tests_properties(model:own_type PROPERTIES TIMEOUT 120 LABELS model
  PASS_REGULAR_EXPRESSION "Mailbox holds")

# The page that says how to add a type, followed: its suites catch what they are
# for. The kill-stepper knows one system and one processor.
set(toy_suites model fuzz)
if(CMAKE_SYSTEM_NAME STREQUAL Linux AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
  list(APPEND toy_suites crash)
endif()
add_test(NAME toy COMMAND Python3::Interpreter -B
  ${PROJECT_SOURCE_DIR}/tests/toy/toy_test.py ${PROJECT_SOURCE_DIR}
  ${CMAKE_CXX_COMPILER} $<TARGET_FILE:placid_model_checker> ${toy_suites})
set_tests_properties(toy PROPERTIES TIMEOUT 600 LABELS model)

# What reads the reports of model_test and all other judges: ./run verify.
add_test(NAME verify COMMAND Python3::Interpreter -B
  ${PROJECT_SOURCE_DIR}/tests/verify/verify_test.py)
