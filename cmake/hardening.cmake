# Hardening, each flag where the compiler and the linker have it.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

function(ac_harden_compile flag name)
  check_c_compiler_flag("${flag}" ${name})
  if(${name})
    target_compile_options(ac_flags INTERFACE "${flag}")
  endif()
endfunction()

function(ac_harden_link flag name)
  check_linker_flag(C "${flag}" ${name})
  if(${name})
    target_link_options(ac_flags INTERFACE "${flag}")
  endif()
endfunction()

ac_harden_compile(-fstack-protector-strong AC_HAS_STACK_PROTECTOR)
ac_harden_compile(-fstack-clash-protection AC_HAS_STACK_CLASH)
ac_harden_compile(-fcf-protection=full AC_HAS_CF_PROTECTION)
ac_harden_link(-Wl,-z,relro AC_HAS_RELRO)
ac_harden_link(-Wl,-z,now AC_HAS_NOW)
ac_harden_link(-Wl,-z,noexecstack AC_HAS_NOEXECSTACK)

# _FORTIFY_SOURCE needs optimisation and does not go with the sanitizers.
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT AC_SANITIZE)
  target_compile_options(ac_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
