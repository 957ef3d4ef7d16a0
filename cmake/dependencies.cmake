# libevent with its OpenSSL part, OpenSSL 3 and jansson.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET
  libevent_core>=2.1.12 libevent_extra>=2.1.12 libevent_openssl>=2.1.12)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.12)
find_package(OpenSSL 3.0 REQUIRED)

add_library(ac_dependencies INTERFACE)
target_link_libraries(ac_dependencies INTERFACE
  PkgConfig::LIBEVENT PkgConfig::JANSSON OpenSSL::SSL OpenSSL::Crypto m)
