/*
 * tests.h
 *		One function a file of tests.
 */
#ifndef WEIR_KAFKA_TESTS_H
#define WEIR_KAFKA_TESTS_H

extern void test_kafka_position(void);
extern void test_selection(void);

#endif
