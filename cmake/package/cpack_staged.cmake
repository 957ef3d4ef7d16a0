# Run by cpack when the files of a package lie in their places: what Debian
# wants otherwise.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()

function(ac_gzip file)
  execute_process(COMMAND gzip -9 -n -f ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The licence in the form of Debian's copyright files: each line indented,
# empty ones a dot.
file(READ ${CPACK_AC_SOURCE_DIR}/LICENSE licence)
string(REGEX REPLACE "[ \t]+\n" "\n" licence "${licence}")
string(REGEX REPLACE "\n+$" "" licence "${licence}")
string(REPLACE "\n" "\n " licence " ${licence}")
string(REPLACE "\n \n" "\n .\n" licence "${licence}")
string(REPLACE "\n \n" "\n .\n" licence "${licence}")

# The folder of the component ends with its name.
foreach(component runtime development)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(share ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
  set(doc ${share}/doc/${package})
  file(MAKE_DIRECTORY ${doc})
  # Debian names the licence in "copyright" instead.
  file(REMOVE ${doc}/LICENSE)
  file(WRITE ${doc}/copyright
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: akashchat-api

Files: *
Copyright: the authors of akashchat-api
License: AGPL-3.0-or-later

License: AGPL-3.0-or-later
${licence}
")
  file(COPY_FILE ${CPACK_AC_SOURCE_DIR}/CHANGELOG.md ${doc}/changelog)
  file(REMOVE ${doc}/CHANGELOG.md)
  ac_gzip(${doc}/changelog)
  set(overrides
    ${CPACK_AC_SOURCE_DIR}/cmake/package/debian/${package}.lintian-overrides)
  file(MAKE_DIRECTORY ${share}/lintian/overrides)
  file(COPY_FILE ${overrides} ${share}/lintian/overrides/${package})
endforeach()

ac_gzip(${CPACK_TEMPORARY_DIRECTORY}/runtime/usr/share/man/man1/akashchat-api.1)

# Whatever the umask is under which all this is made.
execute_process(
  COMMAND chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_DIRECTORY}
  COMMAND_ERROR_IS_FATAL ANY)
