# A database whose extension is of version 0.1.0 meets a newer library: its jobs wait and
# say so until ALTER EXTENSION weir UPDATE, after which they go on where they were, and
# its objects are those of a new installation.
#
# data/installation-0.1.0.sql holds what version 0.1.0 had in its tables when the jobs of
# Weir::EveryKind had worked off 287 records and the server was shut down.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::EveryKind;
use Weir::Node;

my $node = Weir::Node->create('update', 'max_prepared_transactions = 100');
my $half = $Weir::EveryKind::half = 287;

# Every object of the extension, as far as two installations can be told apart by it.
my $objects = <<'SQL';
SELECT line FROM (
	SELECT format('%s %s', pg_describe_object(classid, objid, 0), deptype) FROM pg_depend
	 WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'weir') AND deptype = 'e'
	UNION ALL SELECT format('column %s.%s %s %s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
		a.attnotnull, a.attidentity::text || a.attgenerated::text, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum))
	  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	 WHERE c.relnamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace) AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL SELECT format('relation %s %s %s %s %s', oid::regclass, relkind, relpersistence, reloptions, relacl)
	  FROM pg_class WHERE relnamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace)
	UNION ALL SELECT format('view %s %s', oid::regclass, pg_get_viewdef(oid))
	  FROM pg_class WHERE relnamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace) AND relkind = 'v'
	UNION ALL SELECT format('index %s', pg_get_indexdef(oid))
	  FROM pg_class WHERE relnamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace) AND relkind = 'i'
	UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
	  FROM pg_constraint WHERE connamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace)
	UNION ALL SELECT format('function %s %s %s', pg_get_functiondef(oid), proacl, procost)
	  FROM pg_proc WHERE pronamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace) AND prokind <> 'a'
	UNION ALL SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
	 WHERE relnamespace IN ('weir'::regnamespace, 'weir_internal'::regnamespace) AND NOT tgisinternal
	UNION ALL SELECT format('policy %s %s %s', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) FROM pg_policy
	UNION ALL SELECT format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description
	 WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = classoid AND d.objid = objoid AND d.deptype = 'e')
	UNION ALL SELECT format('dumped %s %s', c::regclass, w) FROM pg_extension, unnest(extconfig, extcondition) e (c, w) WHERE extname = 'weir'
) l (line) WHERE line !~ 'journal_[0-9]|pg_toast_[0-9]' ORDER BY line COLLATE "C"
SQL

sub load
{
	my $file = 'test/tap/data/installation-0.1.0.sql';

	$node->safe_psql('old', slurp_file($file));
	$node->sql(q{
		UPDATE weir_internal.run SET database = (SELECT oid FROM pg_database WHERE datname = 'old'),
			system_identifier = (SELECT system_identifier FROM pg_control_system()),
			stream = ((SELECT name FROM weir_internal.job WHERE id = job) || '_stream')::regclass,
			step_function = CASE WHEN step_function <> 0 THEN 'keep(seen_stream)'::regprocedure ELSE 0 END;
		UPDATE weir_internal.state SET function_oid = 'keep(seen_stream)'::regprocedure,
			system_identifier = (SELECT system_identifier FROM pg_control_system()),
			database = (SELECT oid FROM pg_database WHERE datname = 'old');
		SELECT setval(pg_get_serial_sequence('weir_internal.job', 'id'), (SELECT max(id) FROM weir_internal.job))});
	return;
}

# ---- version 0.1.0 ----

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->{database} = 'old';
$node->sql(q{CREATE EXTENSION weir VERSION '0.1.0'});
Weir::EveryKind::declare($node, 'old', $half);
Weir::EveryKind::know($node, 0, $half);
$node->sql("INSERT INTO $_ SELECT * FROM ${_}_expected; CREATE TABLE ${_}_half AS TABLE $_") foreach @Weir::EveryKind::jobs;
$node->sql('TRUNCATE weir_internal.state');
load();
like($node->sql_error(q{SELECT weir.start_job('seen')}),
	qr/55000: extension weir is not of the version of its library.*version 0\.1\.0.*HINT:  Run ALTER EXTENSION weir UPDATE/s,
	'no job is started before the update');

# ---- the server starts with the newer library ----

my $log = -s $node->logfile;
$node->restart;
ok($node->wait_until('SELECT true'), 'the server is there');
my $said = qr/jobs of database "old" wait: its extension weir is of version 0\.1\.0/;
my $deadline = time() + $Weir::Node::patience;
select(undef, undef, undef, 0.05) until slurp_file($node->logfile, $log) =~ $said || time() > $deadline;
like(slurp_file($node->logfile, $log), $said, 'the log says that jobs wait');
is($node->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%coordinator%'}), '0', 'they do');
like($node->sql(q{SELECT DISTINCT status || ': ' || status_reason FROM weir.jobs}),
	qr/^restarting: the database has version 0\.1\.0 of extension weir, the server has loaded version \S+: run ALTER EXTENSION weir UPDATE$/, 'so does weir.jobs');

# ---- the update ----

$node->sql(q{BEGIN; ALTER EXTENSION weir UPDATE; ROLLBACK});
is($node->sql(q{SELECT extversion FROM pg_extension WHERE extname = 'weir'}), '0.1.0', 'it can be rolled back');
$node->sql('ALTER EXTENSION weir UPDATE');
ok($node->wait_until(q{SELECT count(*) = 5 AND bool_and(status = 'running') FROM weir.jobs}), 'all jobs run by themselves');
Weir::EveryKind::finish($node, 'old');

# ---- beside a new installation ----

my %is = map { $_ => $node->safe_psql($_, $objects) } 'old', 'postgres';
is($is{old}, $is{postgres}, 'the objects are those of a new installation');

$node->stop('fast');
done_testing();
