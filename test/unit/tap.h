/*
 * tap.h
 *		The harness of the unit tests: TAP on standard output, random numbers
 *		that are the same in every run.
 */
#ifndef WEIR_TEST_TAP_H
#define WEIR_TEST_TAP_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

#if defined(__GNUC__)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

/* One line "ok N - name" or "not ok N - name"; returns pass. */
extern bool ok(bool pass, const char *name, ...) PRINTF_LIKE(2, 3);

/* A comment below a failed test. */
extern void diag(const char *format, ...) PRINTF_LIKE(1, 2);

/* The closing "1..N"; the exit status of the run. */
extern int	done_testing(void);

typedef struct Random
{
	uint64_t	state;
} Random;

extern uint64_t random_bits(Random *r);
extern int	random_below(Random *r, int n);

/* One function a file of tests. */
extern void test_keygroup(void);
extern void test_ownership(void);
extern void test_ownership_model(void);
extern void test_isolate(void);
extern void test_poison(void);
extern void test_crash(void);
extern void test_clock(void);
extern void test_expiry(void);
extern void test_restart(void);
extern void test_stop(void);
extern void test_recovery(void);
extern void test_commit(void);
extern void test_credit(void);
extern void test_align(void);
extern void test_align_model(void);
extern void test_framing(void);
extern void test_framing_model(void);
extern void test_growth(void);
extern void test_listener(void);
extern void test_letter_rate(void);
extern void test_trigger(void);
extern void test_pending(void);
extern void test_tolerance(void);
extern void test_topology(void);
extern void test_retention(void);
extern void test_rewrite(void);
extern void test_checkpointer_random(void);
extern void test_resume(void);
extern void test_parse(void);
extern void test_socket_position(void);
extern void test_dialer(void);
extern void test_layout(void);
extern void test_bottleneck(void);
extern void test_histogram(void);
extern void test_decided(void);
extern void test_changes_position(void);
extern void test_feed_position(void);
extern void test_watermark_merge(void);
extern void test_watermark(void);
extern void test_position(void);
extern void test_partition_time(void);
extern void test_window(void);
extern void test_pgoutput(void);

#endif
