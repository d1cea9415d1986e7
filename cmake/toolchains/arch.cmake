# SPDX-License-Identifier: Apache-2.0
#
# Linux on another processor, CMAKE_SYSTEM_PROCESSOR, by Debian's cross compiler;
# its programs run under qemu-user. Linked statically, they need no library of
# that processor at run time.
#
# On an x86-64 host qemu shows only x86's orderings: what these builds check is
# layout, word size, byte order and system calls.
set(CMAKE_SYSTEM_NAME Linux)
# try_compile runs this file again in projects of its own.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSTEM_PROCESSOR)

#              GNU triple       qemu's name
set(placid_aarch64 aarch64-linux-gnu aarch64)
set(placid_armhf arm-linux-gnueabihf arm)
set(placid_i386 i686-linux-gnu i386)
set(placid_riscv64 riscv64-linux-gnu riscv64)
set(placid_s390x s390x-linux-gnu s390x)
if(NOT DEFINED placid_${CMAKE_SYSTEM_PROCESSOR})
  message(FATAL_ERROR "no processor '${CMAKE_SYSTEM_PROCESSOR}' here: give one "
    "of aarch64 armhf i386 riscv64 s390x in CMAKE_SYSTEM_PROCESSOR")
endif()
list(GET placid_${CMAKE_SYSTEM_PROCESSOR} 0 triple)
list(GET placid_${CMAKE_SYSTEM_PROCESSOR} 1 qemu)

set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${qemu})

set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
