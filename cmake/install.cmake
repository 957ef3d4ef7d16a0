# What `cmake --install` puts where. Components: runtime (the program, its man
# page, configuration, documentation and units) and development (the library,
# its header, what pkg-config and find_package() read).
include(CMakePackageConfigHelpers)

set(package_dir ${PROJECT_SOURCE_DIR}/cmake/package)
set(made_dir ${PROJECT_BINARY_DIR}/install)
set(doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/akashchat-api)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/akashchat)

# ---- the program and the library ------------------------------------------

if(BUILD_SHARED_LIBS)
  # Elsewhere than below /usr the program finds the library beside it.
  file(RELATIVE_PATH to_libraries
    /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set_target_properties(akashchat-api PROPERTIES
      INSTALL_RPATH $ORIGIN/${to_libraries})
  endif()
  # No symbol leaves the library that akashchat.h does not declare.
  set(map ${PROJECT_SOURCE_DIR}/cmake/akashchat.map)
  check_linker_flag(C -Wl,--version-script=${map} AC_HAS_VERSION_SCRIPT)
  if(AC_HAS_VERSION_SCRIPT)
    target_link_options(akashchat PRIVATE -Wl,--version-script=${map})
    set_target_properties(akashchat PROPERTIES LINK_DEPENDS ${map})
  endif()
endif()

install(TARGETS akashchat-api
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(TARGETS akashchat EXPORT akashchatTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/akashchat
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

# ---- for programs that use the library ------------------------------------

# Nobody can use the library without libevent's loop. The rest is its own
# business where it is shared; a static one hands it on to whoever links it.
set(loop "libevent_core >= 2.1.12")
set(others "libevent_extra >= 2.1.12, libevent_openssl >= 2.1.12")
string(APPEND others ", libssl >= 3.0, libcrypto >= 3.0, jansson >= 2.12")
if(BUILD_SHARED_LIBS)
  set(pc_requires "${loop}")
  set(pc_requires_private "${others}")
  set(pc_libs "-lakashchat")
  set(pc_libs_private "-lm")
else()
  set(pc_requires "${loop}, ${others}")
  set(pc_requires_private "")
  set(pc_libs "-lakashchat -lm")
  set(pc_libs_private "")
endif()
# The file tells its place by its own, so the tree can be moved as a whole.
file(RELATIVE_PATH pc_prefix
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
configure_file(${package_dir}/akashchat.pc.in ${made_dir}/akashchat.pc @ONLY)
install(FILES ${made_dir}/akashchat.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

configure_package_config_file(${package_dir}/akashchatConfig.cmake.in
  ${made_dir}/akashchatConfig.cmake INSTALL_DESTINATION ${config_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0.0 a minor version may change what is there.
write_basic_package_version_file(${made_dir}/akashchatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${made_dir}/akashchatConfig.cmake
  ${made_dir}/akashchatConfigVersion.cmake
  DESTINATION ${config_dir} COMPONENT development)
install(EXPORT akashchatTargets NAMESPACE akashchat::
  DESTINATION ${config_dir} COMPONENT development)

# ---- documentation --------------------------------------------------------

install(FILES docs/akashchat-api.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
install(FILES README.md README.zh-CN.md CHANGELOG.md CONTRIBUTING.md LICENSE
  SECURITY.md DESTINATION ${doc_dir} COMPONENT runtime)
install(DIRECTORY docker/nginx DESTINATION ${doc_dir}/docker
  COMPONENT runtime)
install(DIRECTORY docs DESTINATION ${doc_dir} COMPONENT runtime
  FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.yml"
  PATTERN "*.svg")

# ---- configuration and units ----------------------------------------------

# They hold paths, which are known for sure only when --prefix has been read.
install(CODE "
  set(package_dir \"${package_dir}\")
  set(made_dir \"${made_dir}\")
  set(bin_dir \"${CMAKE_INSTALL_BINDIR}\")
  set(sysconf_dir \"${CMAKE_INSTALL_SYSCONFDIR}\")
  set(with_units \"$<PLATFORM_ID:Linux>\")"
  COMPONENT runtime)
install(SCRIPT ${package_dir}/install_service.cmake COMPONENT runtime)
