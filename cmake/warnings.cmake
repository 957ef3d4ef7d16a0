# The warnings that every file of the project is free of.
add_library(ac_flags INTERFACE)
target_compile_options(ac_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wconversion -Wformat=2 -Wvla -Wundef -Wpointer-arith -Wwrite-strings
  -Wimplicit-fallthrough)
if(AC_WERROR)
  target_compile_options(ac_flags INTERFACE -Werror)
endif()
if(AC_SANITIZE)
  target_compile_options(ac_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(ac_flags INTERFACE -fsanitize=address,undefined)
endif()
if(AC_FUZZ)
  target_compile_options(ac_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(AC_COVERAGE)
  # Each program's runs add up in one file of its own, wherever they are.
  set(profiles -fprofile-instr-generate=${PROJECT_BINARY_DIR}/profiles/%m.profraw)
  target_compile_options(ac_flags INTERFACE ${profiles} -fcoverage-mapping)
  target_link_options(ac_flags INTERFACE ${profiles})
endif()
