# SPDX-License-Identifier: Apache-2.0
#
# Placid as others meet it: installed, then used by little projects that know
# nothing of this tree, under flags stricter than ours. Each is configured,
# built and run; -Werror with our headers not counted as system headers shows
# that we ask no warning off, -fno-exceptions -fno-rtti that we need neither.
include(GNUInstallDirs)
set(package_prefix ${PROJECT_BINARY_DIR}/package/prefix)
set(package_shared ${PROJECT_BINARY_DIR}/package/shared)
set(strict_flags
  "-Wall -Wextra -Wconversion -Wshadow -Werror -fno-exceptions -fno-rtti")

# placid_build_test(<test> <source dir> <program> [<option>...])
function(placid_build_test test source program)
  set(build ${PROJECT_BINARY_DIR}/package/${test})
  add_test(NAME package:${test}
    COMMAND ${CMAKE_CTEST_COMMAND}
      --build-and-test ${source} ${build}
      --build-generator ${CMAKE_GENERATOR}
      --build-noclean
      --build-makeprogram ${CMAKE_MAKE_PROGRAM}
      --build-options
        -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
        -DCMAKE_BUILD_TYPE=Debug
        -DCMAKE_INSTALL_PREFIX=${build}/prefix
        ${ARGN}
      --test-command ${program})
  set_tests_properties(package:${test} PROPERTIES TIMEOUT 300)
endfunction()

set(consumers ${PROJECT_SOURCE_DIR}/tests/consumer)
set(strict "-DCMAKE_CXX_FLAGS=${strict_flags}")

add_test(NAME package:install COMMAND ${CMAKE_COMMAND}
  --install ${PROJECT_BINARY_DIR} --prefix ${package_prefix})
set_tests_properties(package:install PROPERTIES FIXTURES_SETUP installed)

# A second installation, of the shared library, made by a build of its own.
placid_build_test(shared_library ${PROJECT_SOURCE_DIR}
  "${CMAKE_COMMAND};--install;.;--prefix;${package_shared}"
  -DBUILD_SHARED_LIBS=ON -DPLACID_BUILD_TESTS=OFF -DPLACID_BUILD_CLI=OFF)
set_tests_properties(package:shared_library PROPERTIES
  FIXTURES_SETUP shared_installed)
add_test(NAME package:symbols COMMAND Python3::Interpreter
  ${PROJECT_SOURCE_DIR}/tests/package/symbols_test.py
  ${package_shared}/${CMAKE_INSTALL_LIBDIR}/libplacid_os.so
  libplacid_os.so.${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_tests_properties(package:symbols PROPERTIES
  FIXTURES_REQUIRED shared_installed)

placid_build_test(find_package ${consumers}/find_package consumer
  "${strict}" -DCMAKE_PREFIX_PATH=${package_prefix})
placid_build_test(find_package_shared ${consumers}/find_package consumer
  "${strict}" -DCMAKE_PREFIX_PATH=${package_shared})
placid_build_test(header_only ${consumers}/header_only consumer
  "${strict}" -DCMAKE_PREFIX_PATH=${package_prefix}
  -DCMAKE_DISABLE_FIND_PACKAGE_absl=ON)
placid_build_test(subdirectory ${consumers}/subdirectory
  "sh;-c;./consumer && ! grep INSTALL.DESTINATION placid/cmake_install.cmake"
  "${strict}" -DPLACID_DIR=${PROJECT_SOURCE_DIR})
placid_build_test(fetch_content ${consumers}/fetch_content consumer
  "${strict}" -DFETCHCONTENT_SOURCE_DIR_PLACID=${PROJECT_SOURCE_DIR})
add_test(NAME package:pkg_config COMMAND sh ${consumers}/pkg_config/build.sh
  ${package_prefix}/${CMAKE_INSTALL_LIBDIR}/pkgconfig
  ${PROJECT_BINARY_DIR}/package/pkg_config
  ${CMAKE_CXX_COMPILER} -std=c++20)
set_tests_properties(
  package:find_package package:header_only package:pkg_config
  PROPERTIES FIXTURES_REQUIRED installed)
set_tests_properties(package:find_package_shared PROPERTIES
  FIXTURES_REQUIRED shared_installed)
