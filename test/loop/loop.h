/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The ground that every loop test stands on: one event loop as the program
 * has it, a guard against waiting for ever, and a look at what is left when
 * a test is over (memory, descriptors). Nothing here sleeps.
 */
#ifndef AC_TEST_LOOP_H
#define AC_TEST_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Sizes in bytes. */
#define KB ((size_t)1024)
#define MB (1024 * KB)

struct event;
struct event_base;

struct loop {
	struct event_base *base;
	struct event *guard; /* owned */
	bool expired;
	bool passed;        /* the time of loop_for() */
	size_t descriptors; /* that were open at the start */
};

/* Once at the beginning of main(): what the program does there. The log goes
 * to standard error if LOOP_LOG is in the environment, else nowhere. */
void loop_process_init(void);

/* After a test that had the log to itself. */
void loop_silence_log(void);

void loop_open(struct loop *loop);

/* The test has freed all that it made: fails if a descriptor or (under
 * AddressSanitizer) memory is left. */
void loop_close(struct loop *loop);

/* Turns of the loop that wait for nothing. */
void loop_turns(struct loop *loop, int turns);

/* Runs the loop for a time, to see that something does not happen. */
void loop_for(struct loop *loop, int ms);

/* Runs the loop until the condition holds; the test fails if that takes
 * longer than anything here should. */
#define LOOP_UNTIL(loop, condition)                                      \
	do {                                                             \
		loop_set_guard(loop);                                    \
		while (!(condition))                                     \
			loop_turn(loop, #condition, __FILE__, __LINE__); \
		loop_clear_guard(loop);                                  \
	} while (0)

/* For LOOP_UNTIL alone. */
void loop_set_guard(struct loop *loop);
void loop_clear_guard(struct loop *loop);
void loop_turn(
    struct loop *loop, const char *condition, const char *file, int line);

/* How many times as long a test may take: 1, more where it is run below
 * something slow. For bounds that only say "not for ever". */
int loop_slowness(void);

/* The most memory that the process had since loop_forget_memory(), above
 * what it had then; in bytes. */
void loop_forget_memory(void);
size_t loop_memory_growth(void);

/* The descriptor of this process's socket that is connected to a port of
 * this machine, or -1. */
int loop_find_socket_to(uint16_t port);

#endif
