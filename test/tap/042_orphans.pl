# What stays prepared is found by name, whatever became of its job or of the
# extension: at the server's start (weir.autostart on or off), by drop_job,
# DROP EXTENSION and DROP DATABASE. Names that merely look alike stay.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('orphans', 'weir.autostart = off');
my $data = Weir::Node::random_lines(200_000, 500, 42);

# A transaction that wrote a row of "kept" is prepared under a name that the
# job could have given.
sub prepare
{
	my ($row, $job, $checkpoint, $name) = @_;
	my $database = $node->sql('SELECT oid FROM pg_database WHERE datname = current_database()');

	$name //= sprintf('weir_%d_%d_900_%d_0', $database, $job, $checkpoint);
	$node->sql("BEGIN;\nINSERT INTO kept VALUES ($row);\nPREPARE TRANSACTION '$name'");
	return $name;
}

sub prepared { return $node->sql(q{SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts}); }
sub kept { return $node->sql(q{SELECT string_agg(n::text, ' ' ORDER BY n) FROM kept}); }

sub idle_job
{
	my ($database) = @_;
	my $sender = Weir::Sender->new($data);

	$node->use_database($database);
	$node->averaging_job(port => $sender->port, checkpointing => "every => '20 ms'", job => 'parallelism => 3',
		server => "max_retries '-1', retry_delay '50 ms'");
	$node->sql('CREATE TABLE kept (n int)');
	return $sender;
}

sub job { return $node->sql('SELECT id FROM weir_internal.job'); }

# The job's row was deleted; one checkpoint had a completed row, one had not.
my $sender = idle_job('deleted');
my $job = job();
prepare(1, $job, 901);
prepare(2, $job, 902);
$node->sql(qq{INSERT INTO weir_internal.completed (job, checkpoint, timeline, attempt, parallelism, max_parallelism, positions, prepared)
	VALUES ($job, 901, 1, 900, 1, 128, '[]', '{}'); DELETE FROM weir_internal.job});
my @alike = map { prepare($_ + 10, 0, 0, $_ == 0 ? "weir_1_${job}_900_901_0" : $_ == 1 ? 'weir_' . $job : "weird_$job") } 0 .. 2;
my $deleted = $node->sql(q{SELECT oid FROM pg_database WHERE datname = 'deleted'});
push @alike, prepare(13, 0, 0, "weir_${deleted}_0${job}_900_901_0"), prepare(14, 0, 0, "weir_${deleted}_${job}_x");

# The extension was dropped by force: the hook did not see it.
$sender = idle_job('forced');
my $orphan = prepare(3, job(), 903);
$node->sql(q{SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE extname = 'weir'});

# A job that is there and does not run.
$sender = idle_job('there');
$job = job();
prepare(4, $job, 904);
prepare(5, $job, 905);
$node->sql(qq{INSERT INTO weir_internal.completed (job, checkpoint, timeline, attempt, parallelism, max_parallelism, positions, prepared)
	VALUES ($job, 904, 1, 900, 1, 128, '[]', '{}')});
$node->sql('CREATE ROLE nobody LOGIN; GRANT INSERT ON kept TO nobody');
my $foreign = sprintf('weir_%d_%d_900_906_0', $node->sql(q{SELECT oid FROM pg_database WHERE datname = 'there'}), $job);
$node->sql("SET SESSION AUTHORIZATION nobody;\nBEGIN;\nINSERT INTO kept VALUES (6);\nPREPARE TRANSACTION '$foreign'");

my $log = -s $node->logfile;
$node->kill9;
$node->start;
my $left = join(' ', sort @alike, $foreign);
ok($node->wait_until(q{SELECT string_agg(gid, ' ' ORDER BY gid COLLATE "C") FROM pg_prepared_xacts}, $left),
	'at the start, all of ours are resolved, and nothing else');
is(kept(), '4', 'of a job that does not run: as its completed rows say');
$node->{database} = 'deleted';
is(kept(), '1', 'of a job whose row was deleted: so too');
is($node->sql('SELECT count(*) FROM weir_internal.completed'), '0', 'and what it left is purged');
$node->{database} = 'forced';
is(kept(), '', 'of an extension that is gone: rolled back');
like(slurp_file($node->logfile, $log), qr/rolling back prepared transaction "$orphan": extension weir was dropped/, 'with a line in the log');
$node->{database} = 'deleted';
$node->sql("ROLLBACK PREPARED '$_'") foreach @alike;
$node->{database} = 'there';
$node->sql("ROLLBACK PREPARED '$foreign'");

# drop_job of a job that does not run.
prepare(7, $job, 907);
$node->sql(q{SELECT weir.drop_job('s3')});
ok($node->wait_until('SELECT count(*) = 0 FROM pg_prepared_xacts'), 'drop_job resolves');
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.completed'), 'and purges');
is(kept(), '4', 'and commits nothing that was not decided');

# Commands in a database where no job runs; one that lets nobody in.
$sender = idle_job('extension');
prepare(8, job(), 908);
$node->sql('DROP EXTENSION weir CASCADE');
is(prepared(), '', 'DROP EXTENSION resolves');
is(kept(), '', 'and commits nothing that was not decided');
prepare(9, 1, 909);
$node->safe_psql('postgres', 'ALTER DATABASE extension ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'DROP DATABASE extension');
$node->{database} = 'postgres';
is(prepared(), '', 'DROP DATABASE resolves, with neither extension nor connections');

# A crash under load, and no autostart: what was prepared does not wait for start_job.
$sender = idle_job('crashed');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->rate(400_000)->send_to(length $data);
ok($node->wait_until('SELECT count(*) > 1000 FROM averages'), 'output flows');
$node->kill9;
$node->start;
ok($node->wait_until('SELECT count(*) = 0 FROM pg_prepared_xacts'), 'after a crash with autostart off nothing stays prepared');
is($node->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 's3%'}), '0', 'though the job does not run');
$node->safe_psql('postgres', 'DROP DATABASE crashed');
pass('and the database can be dropped');
$node->{database} = 'postgres';
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:/, 'nothing else went wrong');

done_testing();
