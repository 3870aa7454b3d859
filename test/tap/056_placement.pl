# Where the sink runs is decided at every attempt, shown in weir.tasks and
# weir.explain_job, and a change of the table that moves it ends the attempt.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('placement');
my $data = Weir::Node::random_lines(24_000, 50, 56);
my $sender = Weir::Sender->new($data);
my $with_keyed = 'in the keyed tasks: rows of two tasks cannot conflict';

sub explained { return $node->sql(q{SELECT substring(e FROM 'Placement: (.*)') FROM weir.explain_job('s3') e WHERE e ~ 'Placement: '}); }

sub runs
{
	my ($kinds, $name) = @_;
	return ok($node->wait_until(q{SELECT string_agg(kind, ' ' ORDER BY kind, subtask) FROM weir.tasks
		WHERE EXISTS (SELECT FROM weir.jobs WHERE status = 'running')}, $kinds), "$name: $kinds");
}

# The change takes effect while records come, the sink moves, and the rest goes on.
my $part = 0;
sub changes
{
	my ($ddl, $kinds, $why) = @_;
	my $attempt = $node->sql('SELECT attempt FROM weir.jobs');

	$node->sql($ddl);
	$sender->send_to(int(++$part * length($data) / 8));
	ok($node->wait_until("SELECT attempt > $attempt FROM weir.jobs"), "$ddl ends the attempt");
	like($node->sql('SELECT last_error FROM weir.jobs'), qr/changed its shape/, 'for the reason');
	runs($kinds, $ddl);
	is(explained(), $why, "$ddl: explained");
	return;
}

$node->use_database('placement');
$node->load_input($data);
$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, job => 'parallelism => 2, max_parallelism => 16',
	sink => 'CREATE TABLE averages (f0 bigint, average bigint, no bigint GENERATED ALWAYS AS IDENTITY);
		CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;',
	query => 'INSERT INTO averages (f0, average) SELECT r.f0, a.average FROM readings r
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)',
	checkpointing => q{every => '50 ms', fail_on_errors => false});
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});

my $picture = $node->sql(q{SELECT weir.explain_job('s3')});
like($picture, qr/^Insert on averages  \(tasks=2\)\n  Placement: \Q$with_keyed\E$/m, 'explain_job: the sink, where and why');
like($picture, qr/^  ->  Function count_window_average\(r\)  \(tasks=2\)\n        Key: f0 bigint$/m, 'explain_job: the step and its key');
like($picture, qr/^ {14}->  Source readings  \(tasks=1\)$/m, 'explain_job: the source');
like($picture, qr/^Parallelism: 2 of at most 16$/m, 'explain_job: the parallelism');

$node->sql(q{SELECT weir.start_job('s3')});
runs('coordinator keyed keyed source', 'at first');
$sender->send_to(int(++$part * length($data) / 8));
ok($node->wait_until('SELECT count(*) > 0 FROM averages'), 'it writes');

changes('ALTER TABLE averages ADD CONSTRAINT apart EXCLUDE USING btree (average WITH =) WHERE (average IS NULL)',
	'coordinator keyed keyed sink source', 'in one sink task: exclusion constraint "apart"');
changes('ALTER TABLE averages DROP CONSTRAINT apart', 'coordinator keyed keyed source', $with_keyed);
changes('CREATE TRIGGER t BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION noop()',
	'coordinator keyed keyed sink source', 'in one sink task: trigger "t"');
changes('DROP TRIGGER t ON averages', 'coordinator keyed keyed source', $with_keyed);

# What does not move it ends nothing.
my $attempt = $node->sql('SELECT attempt FROM weir.jobs');
$node->sql('CREATE INDEX ON averages (average); CREATE UNIQUE INDEX ON averages (no); CREATE UNIQUE INDEX ON averages (no, f0)');
$sender->send_to(int(++$part * length($data) / 8));
ok($node->wait_until('SELECT sum(records_in) > 0 FROM weir.tasks'), 'it goes on');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
is($node->sql('SELECT attempt FROM weir.jobs'), $attempt, 'an index in which no two tasks can meet moves nothing');
is(explained(), $with_keyed, 'and it is explained');

# While it does not run, the next start decides.
$node->sql(q{SELECT weir.stop_job('s3')});
$node->sql('CREATE UNIQUE INDEX narrow ON averages (f0, average, no) INCLUDE (f0); CREATE UNIQUE INDEX lone ON averages ((no + 0))');
is(explained(), 'in one sink task: unique index "lone" does not hold the whole key', 'explained before it starts');
$node->sql(q{SELECT weir.start_job('s3')});
runs('coordinator keyed keyed sink source', 'the next start decides');
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT count(*) = } . $node->batch_rows . q{ FROM averages}), 'all came out');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->is_exact('wherever the sink ran');

done_testing();
