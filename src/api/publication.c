/*
 * api/publication.c
 *		What CREATE PUBLICATION ... FOR ALL TABLES takes along.
 *
 * PostgreSQL leaves out of such a publication what initdb created, nothing else:
 * no extension can keep its tables out.  A subscriber then has to have tables of
 * the same names, journals that come and go included, and would be sent each
 * record of each stream a second time.  A publication of schemas has neither.
 */
#include "postgres.h"

#include "commands/extension.h"

#include "api/publication.h"

void
weir_publication_check(const CreatePublicationStmt *stmt)
{
	if (!stmt->for_all_tables || !OidIsValid(get_extension_oid("weir", true)))
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("publication \"%s\" also publishes the tables of schema weir_internal, which hold what jobs read and keep",
					stmt->pubname),
			 errdetail("A subscriber that lacks these tables refuses the subscription or stops; one that has them gets rows of jobs that do not run there."),
			 errhint("Publish the schemas of your own tables: CREATE PUBLICATION ... FOR TABLES IN SCHEMA ...")));
}
