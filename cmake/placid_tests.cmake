# SPDX-License-Identifier: Apache-2.0
#
# Everything is found by its place and its name:
#   tests/<layer>/*_test.cc, *_stress.cc   one program <layer>_test
#   tests/*/*_model.cc, tests/model/*.cc   model_test
#   tests/<layer>/<system>/*.cc            the same, of that system alone
#   tests/<layer>/posix/*.cc               the same, where there is fork
#   tests/<layer>/stepped/*.cc             the same, where the kill-stepper runs
#   tests/support/                         linked to every test
#   tests/<layer>/*_test.py                run with the program's path
#   tests/conformance/os/                  os_conformance, os_conformance_fake
#   tests/conformance/<other>/             <other>_conformance
#   tests/planted/fault.cc                 what each sanitizer must notice
#   tests/tidy/*_test.py                   the style as a test
#   examples/*.cc                          output compared with their comment
#   fuzz/*_fuzz.cc, fuzz/cli/*_fuzz.cc,
#   fuzz/os/<system>/*_fuzz.cc             replayed; with libFuzzer if asked
#   bench/*.cc                             placid_bench
enable_testing()
include(GoogleTest)
find_package(Python3 COMPONENTS Interpreter)
find_package(Threads REQUIRED)

# Sanitizers and foreign systems need a GoogleTest compiled like the tests.
function(placid_find_gtest)
  if(TARGET GTest::gtest_main)
    return()
  endif()
  if(NOT PLACID_ABSEIL_FROM_SOURCE)
    find_package(GTest REQUIRED GLOBAL)
    return()
  endif()
  set(PLACID_GTEST_SOURCE_DIR /usr/src/googletest CACHE PATH
    "A source tree of GoogleTest")
  set(INSTALL_GTEST OFF)
  set(BUILD_GMOCK ON)
  set(BUILD_SHARED_LIBS OFF)
  set(CMAKE_CXX_STANDARD 20)
  add_subdirectory(${PLACID_GTEST_SOURCE_DIR} ${PROJECT_BINARY_DIR}/googletest
    EXCLUDE_FROM_ALL SYSTEM)
  foreach(library gtest gtest_main gmock gmock_main)
    if(NOT TARGET GTest::${library})
      add_library(GTest::${library} ALIAS ${library})
    endif()
  endforeach()
endfunction()

# placid_check_macho(<program>): what can be linked for macOS but not run here.
function(placid_check_macho program)
  add_test(NAME links:${program} COMMAND ${CMAKE_COMMAND}
    -DFILE=$<TARGET_FILE:${program}> -DPROCESSOR=${CMAKE_SYSTEM_PROCESSOR}
    -P ${PROJECT_SOURCE_DIR}/cmake/check_macho.cmake)
endfunction()

# placid_test(<program> SOURCES <file>... LINKS <target>...)
function(placid_test program)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${program} ${ARG_SOURCES})
  placid_target(${program})
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${program} PRIVATE ${ARG_LINKS}
    placid_test_support GTest::gmock Threads::Threads)
  # A fifth of the time that tests take to build; a cache of compilers cannot
  # see through it, nor can every cross compiler.
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER AND NOT CMAKE_CROSSCOMPILING)
    target_precompile_headers(${program} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  if(WIN32)
    # Half the time of this build; what is tested, if not in headers, stays as
    # the build's own options have it.
    target_compile_options(${program} PRIVATE -O0)
  endif()
  if(APPLE AND CMAKE_CROSSCOMPILING)
    placid_check_macho(${program})
    return()
  endif()
  # Each case stands for itself in the counts, but where an emulator or a
  # sanitizer would take longer to start than the case.
  if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    add_test(NAME ${program} COMMAND ${program})
    set_tests_properties(${program} PROPERTIES TIMEOUT 900
      SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
    # On Windows who lists names has each object open for a moment, and so keeps
    # a name of another test's for longer than that expects.
    if(WIN32 AND NOT program MATCHES "^(base|primitives|linearizability)_test$")
      set_tests_properties(${program} PROPERTIES RESOURCE_LOCK names)
    endif()
    return()
  endif()
  gtest_discover_tests(${program} TEST_PREFIX ${program}: NO_PRETTY_VALUES
    DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 300)
endfunction()

# placid_script(<test> <script> [ARGUMENT...]): a test in Python, of the native
# build only.
function(placid_script test script)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${script} AND NOT CMAKE_CROSSCOMPILING)
    add_test(NAME ${test} COMMAND Python3::Interpreter
      ${PROJECT_SOURCE_DIR}/${script} ${ARGN})
    set_tests_properties(${test} PROPERTIES TIMEOUT 600)
  endif()
endfunction()

if(PLACID_BUILD_TESTS)
  placid_find_gtest()

  # What tests of all layers need: guard pages, seeds, children.
  placid_sources(sources tests/support ${PLACID_SYSTEM})
  add_library(placid_test_support STATIC EXCLUDE_FROM_ALL ${sources})
  placid_target(placid_test_support)
  target_include_directories(placid_test_support PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(placid_test_support PRIVATE GTest::gtest)

  # Not a cache entry: a build folder must not keep the list of another day.
  if(NOT PLACID_TEST_LAYERS)
    set(PLACID_TEST_LAYERS base primitives os wait segment cli)
  endif()
  option(PLACID_BUILD_STRESS "Build tests that race, too" ON)
  option(PLACID_BUILD_REPLAYS "Build what replays the fuzzers' corpora" ON)
  # It drives the registers of x86-64, and a sanitizer's instructions are many.
  set(PLACID_HAS_STEPPER OFF)
  if(CMAKE_SYSTEM_NAME STREQUAL Linux AND NOT CMAKE_CROSSCOMPILING
     AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64
     AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    set(PLACID_HAS_STEPPER ON)
  endif()
  foreach(layer IN LISTS PLACID_TEST_LAYERS)
    set(links placid::placid)
    if(layer STREQUAL cli)
      if(NOT TARGET placid_cli)
        continue()
      endif()
      set(links placid_cli)
    endif()
    set(folder ${PROJECT_SOURCE_DIR}/tests/${layer})
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*_test.cc ${folder}/*_stress.cc)
    file(GLOB more CONFIGURE_DEPENDS ${folder}/${PLACID_SYSTEM}/*.cc)
    list(APPEND sources ${more})
    if(UNIX)
      file(GLOB more CONFIGURE_DEPENDS ${folder}/posix/*.cc)
      list(APPEND sources ${more})
    endif()
    if(PLACID_HAS_STEPPER)
      file(GLOB more CONFIGURE_DEPENDS ${folder}/stepped/*.cc)
      list(APPEND sources ${more})
    endif()
    if(NOT PLACID_BUILD_STRESS)
      list(FILTER sources EXCLUDE REGEX "_stress\\.cc$")
    endif()
    placid_test(${layer}_test SOURCES ${sources} LINKS ${links})
  endforeach()

  option(PLACID_BUILD_MODEL "Build the model checker and its tests" ON)
  if(PLACID_BUILD_MODEL)
    include(cmake/placid_model.cmake)
  endif()
  if(PLACID_BUILD_STRESS AND "primitives" IN_LIST PLACID_TEST_LAYERS)
    include(cmake/placid_linearizability.cmake)
  endif()

  option(PLACID_CHECK_TREE "Test style, README, packages, kills and seeds" OFF)
  if(PLACID_CHECK_TREE)
    include(cmake/placid_crash.cmake)
  endif()

  if(TARGET placid_program)
    file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
      ${PROJECT_SOURCE_DIR}/tests/cli/*_test.py)
    foreach(script IN LISTS scripts)
      get_filename_component(name ${script} NAME_WE)
      placid_script(cli:${name} ${script} $<TARGET_FILE:placid_program>)
    endforeach()
    if(WIN32 AND CMAKE_CROSSCOMPILING)
      add_test(NAME cli:portable_test COMMAND Python3::Interpreter
        ${PROJECT_SOURCE_DIR}/tests/cli/portable_test.py
        $<TARGET_FILE:placid_program> ${CMAKE_CROSSCOMPILING_EMULATOR})
      set_tests_properties(cli:portable_test PROPERTIES TIMEOUT 600
        RESOURCE_LOCK names)
    endif()
  endif()

  # That the sanitizers of this build look at all.
  set(faults)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
    set(faults "race:data race")
  elseif(CMAKE_CXX_FLAGS MATCHES "-fsanitize=address,undefined")
    set(faults "overflow:heap-buffer-overflow" "shift:shift exponent")
  endif()
  if(faults)
    add_executable(planted_fault ${PROJECT_SOURCE_DIR}/tests/planted/fault.cc)
    placid_target(planted_fault)
    target_link_libraries(planted_fault PRIVATE placid::base Threads::Threads)
    foreach(fault IN LISTS faults)
      string(REPLACE ":" ";" fault ${fault})
      list(GET fault 0 kind)
      list(GET fault 1 message)
      add_test(NAME planted:${kind} COMMAND planted_fault ${kind})
      set_tests_properties(planted:${kind} PROPERTIES
        PASS_REGULAR_EXPRESSION ${message})
    endforeach()
  endif()

  # Ten thousand rounds of everything; and some under valgrind, which sees what
  # a count of descriptors does not. It cannot run a sanitizer's build.
  if("os" IN_LIST PLACID_TEST_LAYERS AND NOT CMAKE_CROSSCOMPILING)
    add_executable(leak_check ${PROJECT_SOURCE_DIR}/tests/os/leak_check.cc)
    placid_target(leak_check)
    target_link_libraries(leak_check PRIVATE placid::os)
    add_test(NAME os:leak_check COMMAND leak_check 10000)
    set_tests_properties(os:leak_check PROPERTIES TIMEOUT 300)
    find_program(PLACID_VALGRIND valgrind)
    mark_as_advanced(PLACID_VALGRIND)
    if(PLACID_VALGRIND AND NOT PLACID_ABSEIL_FROM_SOURCE)
      add_test(NAME os:leak_check_valgrind COMMAND ${PLACID_VALGRIND} -q
        --leak-check=full --track-fds=yes --error-exitcode=9
        $<TARGET_FILE:leak_check> 300)
    endif()
  endif()

  # The port that fails and dies on demand; nothing but tests ever links to it.
  # It has no names of the system's, but maps and checks as the posix ports do.
  placid_sources(fake_sources src/os fake)
  foreach(shared operation check copy_file map_file)
    list(APPEND fake_sources ${PROJECT_SOURCE_DIR}/src/os/posix/${shared}.cc)
  endforeach()
  if(fake_sources AND PLACID_SYSTEM STREQUAL linux)
    add_library(placid_os_fake STATIC ${fake_sources})
    placid_target(placid_os_fake)
    placid_library(placid_os_fake)
    target_include_directories(placid_os_fake PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(placid_os_fake PUBLIC placid::base)
    add_library(placid::os_fake ALIAS placid_os_fake)
  endif()

  # One suite of cases; each port brings what it takes to run them.
  if("os" IN_LIST PLACID_TEST_LAYERS)
    placid_sources(sources tests/conformance/os ${PLACID_SYSTEM})
    placid_test(os_conformance SOURCES ${sources} LINKS placid::os)
    if(TARGET placid::os_fake)
      placid_sources(sources tests/conformance/os fake)
      placid_test(os_conformance_fake SOURCES ${sources} LINKS placid::os_fake)
    endif()
  endif()
  file(GLOB suites CONFIGURE_DEPENDS LIST_DIRECTORIES true
    RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests/conformance/*)
  foreach(suite IN LISTS suites)
    get_filename_component(name ${suite} NAME)
    if(NOT name STREQUAL os)
      placid_sources(sources ${suite} ${PLACID_SYSTEM})
      placid_test(${name}_conformance SOURCES ${sources} LINKS placid::placid)
    endif()
  endforeach()


  # Debian's Asio has coroutines for g++ alone.
  set(PLACID_ASIO_DIR PLACID_ASIO_DIR-NOTFOUND)
  if(NOT CMAKE_CROSSCOMPILING AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    find_path(PLACID_ASIO_DIR asio.hpp)
  endif()
  file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.cc)
  foreach(example IN LISTS examples)
    get_filename_component(name ${example} NAME_WE)
    if(name MATCHES "^asio" AND NOT PLACID_ASIO_DIR)
      continue()
    endif()
    add_executable(example_${name} ${example})
    placid_target(example_${name})
    target_link_libraries(example_${name} PRIVATE placid::placid Threads::Threads)
    placid_script(example:${name} tests/package/output_test.py ${example}
      $<TARGET_FILE:example_${name}>)
  endforeach()

  option(PLACID_BUILD_ARCH "Test what processors share (./run arch)" OFF)
  if(PLACID_BUILD_ARCH)
    include(${PROJECT_SOURCE_DIR}/tests/arch/arch_tests.cmake)
  endif()

  # What no compiler option changes is checked in one build.
  if(PLACID_CHECK_TREE)
    placid_script(tidy tests/tidy/tidy_test.py ${PROJECT_SOURCE_DIR})
    placid_script(tidy:seeded_faults tests/tidy/seeded_faults_test.py
      ${PROJECT_SOURCE_DIR})
    placid_script(readme tests/package/readme_test.py ${PROJECT_SOURCE_DIR})
    include(${PROJECT_SOURCE_DIR}/tests/package/package_tests.cmake)
  endif()
endif()

# ---- Fuzzers ----
#
# The preset fuzz has libFuzzer hunt for PLACID_FUZZ_SECONDS; in every build
# without sanitizers, which that preset has, a small main() replays the corpus
# and some thousand random inputs; not where it could only be linked.
set(PLACID_FUZZ_SECONDS 5 CACHE STRING "How long ctest runs each fuzzer")
if(PLACID_BUILD_FUZZERS AND NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  message(FATAL_ERROR "PLACID_BUILD_FUZZERS needs Clang: the preset fuzz has it")
endif()
file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cc
  ${PROJECT_SOURCE_DIR}/fuzz/os/${PLACID_SYSTEM}/*_fuzz.cc)
set(fuzz_support ${PROJECT_SOURCE_DIR}/tests/support/guarded_bytes.cc)
# What the program reads of others needs a part of it.
if((TARGET placid_cli OR PLACID_BUILD_FUZZERS) AND NOT APPLE)
  file(GLOB cli_fuzzers CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/fuzz/cli/*_fuzz.cc)
  list(APPEND fuzzers ${cli_fuzzers})
  set(family posix)
  if(WIN32)
    set(family windows)
  endif()
  list(APPEND fuzz_support ${PROJECT_SOURCE_DIR}/src/cli/tar.cc
    ${PROJECT_SOURCE_DIR}/src/cli/system_${family}.cc)
endif()
if(PLACID_BUILD_FUZZERS OR PLACID_BUILD_TESTS)
  add_library(placid_fuzz_support STATIC EXCLUDE_FROM_ALL ${fuzz_support})
  placid_target(placid_fuzz_support)
  target_include_directories(placid_fuzz_support PUBLIC
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(placid_fuzz_support PUBLIC
    placid::placid Threads::Threads)
endif()
foreach(source IN LISTS fuzzers)
  get_filename_component(name ${source} NAME_WE)
  set(corpus ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  if(PLACID_BUILD_FUZZERS)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # What it finds is kept beside the build, the first folder; it starts from
    # there and from the corpus that is committed.
    set(found ${PROJECT_BINARY_DIR}/corpus/${name})
    file(MAKE_DIRECTORY ${found})
    set(dictionary ${PROJECT_SOURCE_DIR}/fuzz/dictionaries/${name}.dict)
    if(EXISTS ${dictionary})
      set(dictionary -dict=${dictionary})
    else()
      set(dictionary "")
    endif()
    add_test(NAME fuzz:${name} COMMAND ${name}
      -max_total_time=${PLACID_FUZZ_SECONDS} -timeout=10 -max_len=4096
      -artifact_prefix=${PROJECT_BINARY_DIR}/${name}- ${dictionary}
      ${found} ${corpus})
  elseif(PLACID_BUILD_TESTS AND PLACID_BUILD_REPLAYS
         AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize"
         AND NOT (APPLE AND CMAKE_CROSSCOMPILING))
    add_executable(${name} ${source} ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc)
    add_test(NAME replay:${name} COMMAND ${name} ${corpus})
    set_tests_properties(replay:${name} PROPERTIES TIMEOUT 120)
  else()
    continue()
  endif()
  placid_target(${name})
  target_link_libraries(${name} PRIVATE placid_fuzz_support)
endforeach()
# That the fuzzers find what they are for, and that their README is true.
if(PLACID_BUILD_FUZZERS)
  placid_script(fuzz:planted fuzz/planted_test.py ${PROJECT_SOURCE_DIR}
    ${CMAKE_CXX_COMPILER} $<TARGET_FILE_DIR:attach_fuzz>)
  set_tests_properties(fuzz:planted PROPERTIES TIMEOUT 1200)
  placid_script(fuzz:readme fuzz/readme_test.py ${PROJECT_SOURCE_DIR})
endif()

# ---- Benchmarks ----
#
# Beside other people's queues as Debian ships them, some of them in C.
file(GLOB bench_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/bench/*.cc ${PROJECT_SOURCE_DIR}/bench/*.c)
if(PLACID_BUILD_BENCH AND bench_sources)
  enable_language(C)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(TBB REQUIRED)
  add_executable(placid_bench ${bench_sources})
  placid_target(placid_bench)
  target_include_directories(placid_bench PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(placid_bench PRIVATE placid::placid CLI11::CLI11
    nlohmann_json::nlohmann_json TBB::tbb Threads::Threads)
endif()
