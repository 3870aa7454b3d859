/*
 * graph/kinds/project.c
 *		Some of the columns of the rows that come.
 */
#include "postgres.h"

#include "graph/kinds/project.h"

/* The sink behind it names its columns. */
static void
describe(const WeirNode *node, StringInfo text)
{
}

const WeirNodeOps weir_project_node = {
	.name = "project",
	.describe = describe,
};
