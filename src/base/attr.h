/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Compiler attributes, in one place so that no other file names a compiler
 * extension. Each expands to nothing where the compiler lacks it.
 */
#ifndef AC_BASE_ATTR_H
#define AC_BASE_ATTR_H

#if defined(__GNUC__) || defined(__clang__)
#define AC_MUST_CHECK       __attribute__((warn_unused_result))
#define AC_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define AC_NORETURN         __attribute__((noreturn))
#define AC_EXPORT           __attribute__((visibility("default")))
#else
#define AC_MUST_CHECK
#define AC_PRINTF(fmt, arg)
#define AC_NORETURN
#define AC_EXPORT
#endif

/* Says that a parameter is there for the signature's sake. */
#define AC_UNUSED(x) ((void)(x))

/* The number of elements of an array (never of a pointer). */
#define AC_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
