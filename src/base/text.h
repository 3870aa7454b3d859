/*
 * base/text.h
 *		Texts in places of a fixed size.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

/*
 * As strlcpy, but what does not fit is cut between two characters of the
 * database's encoding, and bytes that are no characters become '?': what is
 * shown to SQL must be text.
 */
extern PGDLLEXPORT void weir_text_copy(char *to, const char *from, Size size);

#endif
