# Kernels for instruction sets that not every machine has; which of them run is found out at run
# time. A file of another architecture is not compiled.
set(avx2 ${PROJECT_SOURCE_DIR}/src/kernels/avx2.cpp
    ${PROJECT_SOURCE_DIR}/src/kernels/avx2_cells.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(${avx2} PROPERTIES COMPILE_OPTIONS -mavx2)
  target_compile_definitions(wquant_lib PRIVATE WQUANT_AVX2)
else()
  set_source_files_properties(${avx2} PROPERTIES HEADER_FILE_ONLY ON)
endif()
