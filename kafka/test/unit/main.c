/*
 * main.c
 *		Runs all of them.
 */
#include "tap.h"
#include "tests.h"

int
main(void)
{
	test_selection();
	test_kafka_position();
	return done_testing();
}
