# What `cpack` makes of an installation: a .tar.gz with everything, and where
# dpkg is there two .deb: the program (akashchat-api) and the library for
# programs that are built with it (libakashchat-dev).
set(CPACK_PACKAGE_NAME akashchat-api)
set(CPACK_PACKAGE_VENDOR akashchat-api)
set(CPACK_PACKAGE_CONTACT akashchat-api)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Akash Chat behind the OpenAI API")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
# Parts of it lie beside the prefix, such as /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL runtime development)

string(TOLOWER "${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}" system)
set(CPACK_PACKAGE_FILE_NAME akashchat-api-${PROJECT_VERSION}-${system})
set(CPACK_GENERATOR TGZ)
find_program(AC_DPKG_SHLIBDEPS dpkg-shlibdeps)
if(AC_DPKG_SHLIBDEPS AND NOT BUILD_SHARED_LIBS)
  list(APPEND CPACK_GENERATOR DEB)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(debian_dir ${PROJECT_SOURCE_DIR}/cmake/package/debian)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME akashchat-api)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
# dpkg-shlibdeps adds the libraries; groupadd is in passwd.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "ca-certificates, passwd")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${debian_dir}/conffiles
  ${debian_dir}/postinst ${debian_dir}/prerm ${debian_dir}/postrm)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
"A small server that lets any program that speaks the OpenAI API talk to the
models of Akash Chat: chats, completions and pictures, streamed as they come.
.
It runs as a systemd service without privileges. With --demo it answers from a
simulated site and needs no network.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libakashchat-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libevent-dev (>= 2.1.12), libssl-dev (>= 3.0), libjansson-dev (>= 2.12)")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
"The static library libakashchat with its header and the files for pkg-config
and CMake. It serves the OpenAI API on the libevent loop of the program that it
is linked into.")

set(CPACK_PROJECT_CONFIG_FILE
  ${PROJECT_SOURCE_DIR}/cmake/package/cpack_generator.cmake)
set(CPACK_PRE_BUILD_SCRIPTS
  ${PROJECT_SOURCE_DIR}/cmake/package/cpack_staged.cmake)
set(CPACK_AC_SOURCE_DIR ${PROJECT_SOURCE_DIR})
include(CPack)
