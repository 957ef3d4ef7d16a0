# Runs within `cmake --install`, after install.cmake has set package_dir,
# made_dir, bin_dir, sysconf_dir and with_units: what holds absolute paths.

# An absolute one of a folder of GNUInstallDirs, by the prefix of this run.
function(ac_full_path result folder)
  if(IS_ABSOLUTE "${folder}")
    set(${result} "${folder}" PARENT_SCOPE)
  elseif(folder STREQUAL "etc" AND CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(${result} /etc PARENT_SCOPE)
  else()
    set(${result} "${CMAKE_INSTALL_PREFIX}/${folder}" PARENT_SCOPE)
  endif()
endfunction()

ac_full_path(BINDIR "${bin_dir}")
ac_full_path(SYSCONFDIR "${sysconf_dir}")

# Whoever has a configuration keeps it.
set(sample "${SYSCONFDIR}/akashchat/akashchat.conf")
if(EXISTS "$ENV{DESTDIR}${sample}")
  message(STATUS "Left alone: $ENV{DESTDIR}${sample}")
else()
  file(INSTALL "${package_dir}/akashchat.conf"
    DESTINATION "${SYSCONFDIR}/akashchat" NO_SOURCE_PERMISSIONS)
endif()

if(with_units)
  file(READ "${package_dir}/akashchat-api.service.in" unit)
  if(NOT SYSCONFDIR STREQUAL "/etc")
    # systemd knows configuration below /etc alone.
    string(REGEX REPLACE "ConfigurationDirectory[^\n]*\n" "" unit "${unit}")
  endif()
  string(CONFIGURE "${unit}" unit @ONLY)
  # Apart from what another installation of the same build may be making.
  string(RANDOM LENGTH 12 name)
  file(WRITE "${made_dir}/${name}/akashchat-api.service" "${unit}")
  file(INSTALL "${made_dir}/${name}/akashchat-api.service"
    "${package_dir}/akashchat-api.socket"
    DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system"
    NO_SOURCE_PERMISSIONS)
  file(REMOVE_RECURSE "${made_dir}/${name}")
  file(INSTALL "${package_dir}/sysusers.conf" RENAME akashchat-api.conf
    DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/sysusers.d" NO_SOURCE_PERMISSIONS)
endif()
