# `cmake --install`: the program, the library, its headers and a CMake package, after which
# find_package(wquant) gives wquant::wquant.
include(CMakePackageConfigHelpers)

set(WQUANT_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/wquant)
configure_package_config_file(cmake/wquantConfig.cmake.in ${PROJECT_BINARY_DIR}/wquantConfig.cmake
                              INSTALL_DESTINATION ${WQUANT_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/wquantConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)

install(TARGETS wquant RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS wquant_lib EXPORT wquantTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/wquant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
        PATTERN "*.h")
install(EXPORT wquantTargets NAMESPACE wquant:: DESTINATION ${WQUANT_PACKAGE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/wquantConfig.cmake
        ${PROJECT_BINARY_DIR}/wquantConfigVersion.cmake DESTINATION ${WQUANT_PACKAGE_DIR})
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
