/*
 * property.h
 *		Which properties of librdkafka users may set, and where.
 */
#ifndef WEIR_KAFKA_PROPERTY_H
#define WEIR_KAFKA_PROPERTY_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* An error unless librdkafka takes it, and an object of this catalog may have it. */
extern void weir_kafka_property_check(DefElem *def, Oid catalog);

/* Does its value name a file or a program of the database server's machine, and which role may do so? */
extern bool weir_kafka_property_is_file(const char *name);
extern bool weir_kafka_property_is_program(const char *name);

#endif
