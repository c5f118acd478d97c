# Every target of the project: results must not depend on the CPU (no fused multiply-add), and
# warnings are errors.
add_library(wquant_options INTERFACE)
target_compile_options(wquant_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                       -Werror -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in std::string's operator+ that are not there.
  target_compile_options(wquant_options INTERFACE -Wno-restrict)
endif()
if(WQUANT_SANITIZE)
  target_compile_options(wquant_options INTERFACE -fsanitize=${WQUANT_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What sanitizers add makes g++ 12 see uninitialized members inside std::regex.
    target_compile_options(wquant_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_link_options(wquant_options INTERFACE -fsanitize=${WQUANT_SANITIZE})
endif()

if(WQUANT_COVERAGE)
  target_compile_options(wquant_options INTERFACE --coverage -fprofile-abs-path -fprofile-update=atomic)
  target_link_options(wquant_options INTERFACE --coverage)
endif()

if(WQUANT_FUZZ)
  target_compile_options(wquant_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
