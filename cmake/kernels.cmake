# Kernels for instruction sets. Of x86 not every machine has AVX2, and which kernels run is found out at
# run time; every machine of aarch64 has NEON. A file of another architecture is not compiled.
cmake_path(SET kernels NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../src/kernels)
set(avx2 ${kernels}/avx2.cpp ${kernels}/avx2_cells.cpp)
set(neon ${kernels}/neon.cpp ${kernels}/neon_cells.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(${avx2} PROPERTIES COMPILE_OPTIONS -mavx2)
  set_source_files_properties(${neon} PROPERTIES HEADER_FILE_ONLY ON)
  target_compile_definitions(wquant_lib PRIVATE WQUANT_AVX2)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set_source_files_properties(${avx2} PROPERTIES HEADER_FILE_ONLY ON)
  target_compile_definitions(wquant_lib PRIVATE WQUANT_NEON)
else()
  set_source_files_properties(${avx2} ${neon} PROPERTIES HEADER_FILE_ONLY ON)
endif()

# Clang takes LooseFloat for a float at an address that a float may have, g++ does not.
if(WQUANT_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  file(GLOB loose CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/*.cpp ${PROJECT_SOURCE_DIR}/src/quant/*.cpp)
  set_property(SOURCE ${loose} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=alignment)
endif()
