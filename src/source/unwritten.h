/*
 * source/unwritten.h
 *		What a journal has taken but could not write, on its way to the next
 *		attempt.
 */
#ifndef WEIR_SOURCE_UNWRITTEN_H
#define WEIR_SOURCE_UNWRITTEN_H

#include "postgres.h"

#include "source/journal.h"

/* A descriptor of memory that holds it; -1: there is none, and errno says why. */
extern int weir_unwritten_save(const WeirJournal *j);

/* Appends what such memory holds, unless the journal was written after all. */
extern void weir_unwritten_load(int fd, WeirJournal *j);

#endif
