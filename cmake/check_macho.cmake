# SPDX-License-Identifier: Apache-2.0
#
# cmake -DFILE=<program> -DPROCESSOR=<aarch64|x86_64> -P check_macho.cmake:
# whether it is a 64-bit Mach-O executable for that processor.
set(header_aarch64 cffaedfe0c000001)
set(header_x86_64 cffaedfe07000001)
file(READ ${FILE} header LIMIT 8 HEX)
if(NOT header STREQUAL "${header_${PROCESSOR}}")
  message(FATAL_ERROR "${FILE} begins with ${header}: no Mach-O for ${PROCESSOR}")
endif()
