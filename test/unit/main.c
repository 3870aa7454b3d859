/*
 * main.c
 *		Runs all unit tests.
 */
#include "tap.h"

int
main(void)
{
	test_keygroup();
	test_ownership();
	test_ownership_model();
	test_isolate();
	test_poison();
	test_crash();
	test_clock();
	test_expiry();
	test_restart();
	test_stop();
	test_recovery();
	test_commit();
	test_credit();
	test_align();
	test_align_model();
	test_framing();
	test_framing_model();
	test_growth();
	test_letter_rate();
	test_trigger();
	test_pending();
	test_tolerance();
	test_topology();
	test_retention();
	test_rewrite();
	test_checkpointer_random();
	test_resume();
	test_parse();
	test_socket_position();
	test_dialer();
	test_listener();
	test_layout();
	test_bottleneck();
	test_histogram();
	test_decided();
	test_changes_position();
	test_feed_position();
	test_watermark_merge();
	test_watermark();
	test_position();
	test_partition_time();
	test_window();
	test_pgoutput();
	return done_testing();
}
