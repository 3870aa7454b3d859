/*
 * report/xml.h
 *		Writes a page that a browser reads as HTML and any XML parser as XML: all
 *		text escaped, all of it ASCII, so it is the same in every encoding.
 *
 * What cannot stand in XML, such as most control characters, becomes U+FFFD.
 */
#ifndef WEIR_REPORT_XML_H
#define WEIR_REPORT_XML_H

#include "postgres.h"

#include "lib/stringinfo.h"

#define WEIR_XML_DEPTH 32

typedef struct WeirXml
{
	StringInfo	text;
	int			depth;
	const char *open[WEIR_XML_DEPTH];	/* elements */
	bool		in_tag;			/* attributes may follow */
} WeirXml;

extern void weir_xml_open(WeirXml *x, const char *element);
/* Of the element opened last, before any content. */
extern void weir_xml_attribute(WeirXml *x, const char *name, const char *format,...) pg_attribute_printf(3, 4);
extern void weir_xml_text(WeirXml *x, const char *format,...) pg_attribute_printf(2, 3);
/* As it stands. */
extern void weir_xml_raw(WeirXml *x, const char *text);
extern void weir_xml_close(WeirXml *x);

/* Opened, with a class unless that is NULL. */
extern void weir_xml_begin(WeirXml *x, const char *element, const char *class);
/* The same, its text, closed. */
extern void weir_xml_put(WeirXml *x, const char *element, const char *class, const char *format,...) pg_attribute_printf(4, 5);

#endif
