# SPDX-License-Identifier: Apache-2.0
#
# find_package(placid CONFIG [COMPONENTS <layer>...]) and pkg-config.
#
# An installed placid needs nothing but the standard library and the system:
# Abseil stays inside the program.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/placid)

install(TARGETS placid ${PLACID_LAYERS} EXPORT placid-targets
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT placid-targets NAMESPACE placid:: DESTINATION ${package_dir})

# Until 1.0 a minor version may change the interface.
list(TRANSFORM PLACID_LAYERS REPLACE "^placid_" "" OUTPUT_VARIABLE components)
configure_package_config_file(cmake/placid-config.cmake.in placid-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(placid-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/placid-config.cmake
  ${PROJECT_BINARY_DIR}/placid-config-version.cmake
  DESTINATION ${package_dir})

# placid.pc has the library, placid-headers.pc what needs no library. Paths that
# follow the .pc file keep the tree movable.
file(RELATIVE_PATH prefix_from_pc
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
foreach(package placid placid-headers)
  configure_file(cmake/${package}.pc.in ${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

if(TARGET placid_program)
  install(TARGETS placid_program)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
