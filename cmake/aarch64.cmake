# A toolchain of Debian's packages: g++-12-aarch64-linux-gnu compiles, qemu-user runs. Libraries of
# aarch64 are looked for in WQUANT_AARCH64_ROOT (tests/cross/fetch.sh fills such a folder); what has
# only headers is the same for every machine.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++-12)

set(WQUANT_AARCH64_ROOT "" CACHE PATH "Root of libraries of aarch64")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WQUANT_AARCH64_ROOT)
set(libraries ${WQUANT_AARCH64_ROOT}/usr/lib/aarch64-linux-gnu)
set(more_libraries ${WQUANT_AARCH64_ROOT}/lib/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${WQUANT_AARCH64_ROOT} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_EXE_LINKER_FLAGS_INIT -Wl,-rpath-link,${libraries}:${more_libraries})
set(ENV{PKG_CONFIG_LIBDIR} ${libraries}/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${WQUANT_AARCH64_ROOT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu
    -E LD_LIBRARY_PATH=${libraries}:${more_libraries})
