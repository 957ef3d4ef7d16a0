/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The C library's functions, counting: see counted.h. Symbols of an executable
 * go before those of the libraries that it is linked with, for the libraries
 * too. This file is compiled without the compiler's knowledge of what these
 * functions are, and copies through volatile, or memmove would call itself.
 */
#include "counted.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

struct epoll_event;
struct iovec;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *malloc(size_t size);
void *calloc(size_t number, size_t size);
void *realloc(void *ptr, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *__memcpy_chk(void *to, const void *from, size_t len, size_t size);
void *__memmove_chk(void *to, const void *from, size_t len, size_t size);
ssize_t readv(int fd, const struct iovec *pieces, int number);
ssize_t writev(int fd, const struct iovec *pieces, int number);
int ioctl(int fd, unsigned long request, ...);
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);

static _Thread_local bool counts_here;
static atomic_uint_least64_t allocations;
static atomic_uint_least64_t copied;
static atomic_uint_least64_t calls;

static void
count(atomic_uint_least64_t *counter, uint64_t number)
{
	if (counts_here)
		atomic_fetch_add(counter, number);
}

void
counted_start(void)
{
	counts_here = true;
}

struct counts
counted_now(void)
{
	return (struct counts){
	    .allocations = atomic_load(&allocations),
	    .copied = atomic_load(&copied),
	    .calls = atomic_load(&calls),
	};
}

void *
malloc(size_t size)
{
	count(&allocations, 1);
	return __libc_malloc(size);
}

void *
calloc(size_t number, size_t size)
{
	count(&allocations, 1);
	return __libc_calloc(number, size);
}

void *
realloc(void *ptr, size_t size)
{
	count(&allocations, 1);
	return __libc_realloc(ptr, size);
}

void *
memmove(void *to, const void *from, size_t len)
{
	volatile char *out = to;
	const volatile char *in = from;

	count(&copied, len);
	if (out <= in) {
		for (size_t i = 0; i < len; i++)
			out[i] = in[i];
	} else {
		for (size_t i = len; i > 0; i--)
			out[i - 1] = in[i - 1];
	}
	return to;
}

void *
memcpy(void *restrict to, const void *restrict from, size_t len)
{
	return memmove(to, from, len);
}

void *
__memcpy_chk(void *to, const void *from, size_t len, size_t size)
{
	(void)size;
	return memmove(to, from, len);
}

void *
__memmove_chk(void *to, const void *from, size_t len, size_t size)
{
	(void)size;
	return memmove(to, from, len);
}

ssize_t
read(int fd, void *buf, size_t nbytes)
{
	count(&calls, 1);
	return syscall(SYS_read, fd, buf, nbytes);
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	count(&calls, 1);
	return syscall(SYS_write, fd, buf, n);
}

ssize_t
readv(int fd, const struct iovec *pieces, int number)
{
	count(&calls, 1);
	return syscall(SYS_readv, fd, pieces, number);
}

ssize_t
writev(int fd, const struct iovec *pieces, int number)
{
	count(&calls, 1);
	return syscall(SYS_writev, fd, pieces, number);
}

/* libevent asks with it how much there is to be read. */
int
ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	count(&calls, 1);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	count(&calls, 1);
	return (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

int
epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	count(&calls, 1);
	return (int)syscall(
	    SYS_epoll_pwait, epoll, events, max, timeout, NULL, (size_t)8);
}
