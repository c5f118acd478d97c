# WQUANT_HDF5_LIBRARIES: what a program of this build links for HDF5. The shared library brings some
# 30 others for files of remote hosts (curl, TLS, Kerberos), whose loading takes 6 of the 8 ms of a
# start. The static one is linked without them, where that works.
set(WQUANT_HDF5_LIBRARIES PkgConfig::HDF5)
find_library(WQUANT_HDF5_STATIC libhdf5.a PATHS ${HDF5_LIBRARY_DIRS})
find_library(WQUANT_SZIP sz)
if(WQUANT_HDF5_STATIC AND WQUANT_SZIP)
  include(CheckCXXSourceCompiles)
  set(wquant_static ${WQUANT_HDF5_STATIC} ${WQUANT_SZIP} ZLIB::ZLIB ${CMAKE_DL_LIBS} m)
  set(CMAKE_REQUIRED_INCLUDES ${HDF5_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_LIBRARIES ${wquant_static})
  check_cxx_source_compiles("#include <hdf5.h>\nint main() { return H5open() + H5close(); }"
                            WQUANT_HDF5_LINKS_STATICALLY)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(WQUANT_HDF5_LINKS_STATICALLY)
    set(WQUANT_HDF5_LIBRARIES ${wquant_static})
  endif()
endif()
