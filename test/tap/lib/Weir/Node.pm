package Weir::Node;

=head1 Weir::Node

A throw-away server with weir preloaded, and the averaging job of the tutorial.
The postmaster is a child of the test, so that SIGKILL and a start right after
meet no zombie.

=cut

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time usleep);

our @ISA = ('PostgreSQL::Test::Cluster');

our $patience = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 120;

# What the journal tables hold: the only look that the tests take inside.
my $journal_functions = <<'SQL';
CREATE FUNCTION journal_tables() RETURNS SETOF regclass LANGUAGE sql AS $$
	SELECT oid::regclass FROM pg_class
	 WHERE relnamespace = 'weir_internal'::regnamespace AND relkind = 'r' AND relname ~ '^journal_\d' $$;
CREATE FUNCTION journal_end() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint := 0;
	segment regclass;
	last bigint;
BEGIN
	FOR segment IN SELECT journal_tables()
	LOOP
		EXECUTE format('SELECT max(start_offset + octet_length(data)) FROM %s WHERE kind = ''d''', segment) INTO last;
		result := greatest(result, last);
	END LOOP;
	RETURN result;
END $$;
CREATE FUNCTION journal_size() RETURNS numeric LANGUAGE sql AS $$
	SELECT coalesce(sum(pg_total_relation_size(t)), 0) FROM journal_tables() t $$;
SQL

# A running server with the extension in the database postgres.  Options before
# the lines of its configuration: clock (a Weir::Clock).
sub create
{
	my ($class, $name, @conf) = @_;
	my $options = ref $conf[0] ? shift @conf : {};
	my $self = $class->new($name);

	$self->{clock} = $options->{clock};

	$self->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
	$self->append_conf('postgresql.conf', join("\n",
		"shared_preload_libraries = 'weir'", 'max_prepared_transactions = 50',
		'max_worker_processes = 64', 'wal_level = replica', 'restart_after_crash = on',
		'log_statement = none', @conf, ''));
	$self->start;
	$self->{database} = 'postgres';
	$self->sql('CREATE EXTENSION weir');
	$self->sql($journal_functions);
	return $self;
}

# Like the parent's, but the postmaster is our child.  Tries again while a
# process of a killed server still holds its shared memory.
sub start
{
	my ($self) = @_;
	my $deadline = time() + $patience;
	local %ENV = $self->_get_env(PGAPPNAME => undef);

	while (time() < $deadline)
	{
		my $pid = fork() // die "could not fork: $!";
		if ($pid == 0)
		{
			open(STDIN, '<', '/dev/null');
			open(STDOUT, '>>', $self->logfile);
			open(STDERR, '>&', \*STDOUT);
			%ENV = (%ENV, $self->{clock}->environment) if $self->{clock};
			exec('postgres', '-D', $self->data_dir, '--cluster-name=' . $self->name)
			  or POSIX::_exit(127);
		}
		while (waitpid($pid, WNOHANG) == 0)
		{
			if (system_log('pg_isready', '-q') == 0)
			{
				$self->{_pid} = $pid;
				return 1;
			}
			usleep(50_000);
		}
		usleep(200_000);
	}
	die 'the server does not start: ' . slurp_file($self->logfile);
}

sub stop
{
	my ($self, @args) = @_;
	my $pid = $self->{_pid};
	my $ok = $self->SUPER::stop(@args);

	local $?;
	waitpid($pid, 0) if $ok && $pid;
	return $ok;
}

sub restart
{
	my ($self, $mode) = @_;

	$self->stop($mode // 'fast');
	$self->start;
	return;
}

# SIGKILL to the postmaster; its children notice and leave.
sub kill9
{
	my ($self) = @_;
	my $pid = $self->{_pid};

	$self->SUPER::kill9;
	waitpid($pid, 0) if $pid;
	return;
}

# The server has been killed by somebody else: waits until it is gone.
sub wait_death
{
	my ($self) = @_;
	my $deadline = time() + $patience;

	while (waitpid($self->{_pid}, WNOHANG) == 0)
	{
		die 'the server lives on' if time() > $deadline;
		usleep(10_000);
	}
	$self->{_pid} = undef;
	return;
}

# A database of its own for what follows, with the extension.
sub use_database
{
	my ($self, $name) = @_;

	$self->safe_psql('postgres', "CREATE DATABASE $name");
	$self->{database} = $name;
	$self->sql('CREATE EXTENSION weir');
	$self->sql($journal_functions);
	return;
}

sub sql
{
	my ($self, $sql) = @_;
	return $self->safe_psql($self->{database}, $sql);
}

# What a statement that must fail says (code, message, detail, hint); '' if it did not fail.
sub sql_error
{
	my ($self, $sql) = @_;
	my ($status, undef, $stderr) =
	  $self->psql($self->{database}, $sql, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return $status ? $stderr : '';
}

# The sender that wait_until serves: after a reconnect it goes on behind the
# last byte the journal holds.
sub tend
{
	my ($self, $sender) = @_;

	$self->{sender} = $sender;
	$sender->go($self->journal_end) if $sender && $sender->held;
	return;
}

# Until the query returns what is expected ('t'); a server that is just coming
# back counts as "not yet".
sub wait_until
{
	my ($self, $query, $expected, $seconds) = @_;
	my $deadline = time() + ($seconds // $patience);
	my ($status, $out, $err);

	$expected //= 't';
	while (1)
	{
		eval { $self->tend($self->{sender}) };
		($status, $out, $err) = eval { $self->psql($self->{database}, $query) };
		return 1 if defined $status && $status == 0 && $out eq $expected;
		last if time() > $deadline;
		usleep(20_000);
	}
	diag_jobs($self, $query, $out, $err);
	return 0;
}

# Bytes of the stream that are durable in the journal of the database's only job.
sub journal_end
{
	my ($self) = @_;
	return $self->sql('SELECT journal_end()');
}

sub journal_size
{
	my ($self) = @_;
	return $self->sql('SELECT journal_size()');
}

# What a waiting test would want to know.
sub diag_jobs
{
	my ($self, $query, @seen) = @_;
	my $builder = Test::More->builder;
	my (undef, $state) = eval {
		$self->psql($self->{database}, q{
			SELECT 'job', name, status, attempt, restarts, last_checkpoint, status_reason, last_error FROM weir.jobs;
			SELECT 'task', task, kind, subtask, pid, records_in, records_out FROM weir.tasks;
			SELECT 'source', status, peer, records, bytes, journal_bytes, retries, last_error FROM weir.sources;
			SELECT 'checkpoint', checkpoint_id, kind, status, triggered_at, duration, failure, acknowledged, tasks
			  FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 5;
			SELECT 'prepared', gid FROM pg_prepared_xacts;
			SELECT 'session', pid, application_name, state, wait_event, left(query, 60) FROM pg_stat_activity
			 WHERE backend_type NOT LIKE '%writer' })
	};
	$builder->diag("waited in vain for: $query");
	$builder->diag('last: ' . join(' | ', map { $_ // '' } @seen));
	$builder->diag($state // 'the server does not answer');
	return;
}

# So many bytes have been read and are durable, so that a kill loses none of them.
sub wait_consumed
{
	my ($self, $bytes) = @_;
	return $self->wait_until("SELECT journal_end() >= $bytes");
}

# Faults (see src/base/fault.h) of a server built with FAULTS=1: "point:kind:occurrence, ...".
sub arm
{
	my ($self, $faults) = @_;
	return $self->sql("SET weir.fault = '$faults'");
}

# How often a point has fired, by the log from this byte on.
sub fired
{
	my ($self, $point, $from) = @_;
	my $log = PostgreSQL::Test::Utils::slurp_file($self->logfile, $from // 0);
	my $n = () = $log =~ /LOG:  fault point $point: /g;

	return $n;
}

sub wait_fired
{
	my ($self, $point, $from) = @_;
	my $deadline = time() + $patience;

	until ($self->fired($point, $from))
	{
		if (time() > $deadline)
		{
			$self->diag_jobs("fault point $point");
			return 0;
		}
		eval { $self->tend($self->{sender}) };
		usleep(10_000);
	}
	return 1;
}

sub wait_status
{
	my ($self, $status, $job) = @_;
	$job //= 's3';
	return $self->wait_until("SELECT status FROM weir.jobs WHERE name = '$job'", $status);
}

my $function = <<'SQL';
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION count_window_average(r readings)
RETURNS TABLE (f0 bigint, average bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    sum.n := sum.n + 1;
    sum.total := sum.total + r.f1;
    PERFORM weir.state_update('sum', sum);
    IF sum.n >= 2 THEN
        RETURN QUERY SELECT r.f0, sum.total / sum.n;
        PERFORM weir.state_clear('sum');
    END IF;
END $$;
SQL

my $query = <<'SQL';
    INSERT INTO averages
    SELECT a.* FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
SQL

# The job of the design's first section: stream, function, state, table, job
# "s3", not started; its sender goes on where the journal ends, within a record
# too.  Options: port, ttl, server (more options), sink (the table's DDL), query,
# job (more arguments of create_job), checkpointing (arguments of
# enable_checkpointing; '' for none), owner (a role that may create all that).
sub averaging_job
{
	my ($self, %o) = @_;
	my $server = $o{server} ? ", $o{server}" : '';
	my $ttl = $o{ttl} // '1 h';
	my $sink = $o{sink} // 'CREATE TABLE averages (f0 bigint, average bigint);';
	my $text = $o{query} // $query;
	my $job = $o{job} // 'parallelism => 2';
	my $owner = $o{owner} ? "SET SESSION AUTHORIZATION $o{owner};" : '';
	my $checkpointing = $o{checkpointing}
	  // "every => '100 ms', mode => 'exactly_once', timeout => '60 s', max_concurrent => 2, fail_on_errors => false";

	$self->sql(<<"SQL");
$owner
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '$o{port}', partial 'join'$server);
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint)
    SERVER sensors OPTIONS (delimiter ' ');
$function
SELECT weir.create_value_state('count_window_average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)',
    ttl => weir.state_ttl('$ttl', update_type => 'on_create_and_write',
                                  visibility  => 'never_return_expired'));
$sink
SELECT weir.create_job('s3', \$job\$
$text\$job\$, $job);
SQL
	$self->sql("$owner SELECT weir.enable_checkpointing('s3', $checkpointing)") if $checkpointing;
	return;
}

# Lines "key value", the same for the same seed.
sub random_lines
{
	my ($lines, $keys, $seed) = @_;

	srand($seed);
	return join('', map { int(rand($keys)) . ' ' . (int(rand(2001)) - 1000) . "\n" } 1 .. $lines);
}

# The same bytes as a table input (line, f0, f1).
sub load_input
{
	my ($self, $data) = @_;
	my $file = $self->basedir . '/input';

	open(my $out, '>', $file) or die "could not write $file: $!";
	print $out $data;
	close $out;
	$self->sql(qq{
		CREATE TABLE input (line bigserial, f0 bigint, f1 bigint);
		\\copy input (f0, f1) from '$file' with (delimiter ' ')
		});
	return;
}

# The same question in plain SQL: the average of every two values of a key.
my $batch = q{
	SELECT f0, div(sum(f1), 2)::bigint AS average
	FROM (SELECT f0, f1, (row_number() OVER (PARTITION BY f0 ORDER BY line) + 1) / 2 AS pair FROM input) p
	GROUP BY f0, pair HAVING count(*) = 2};

# "rows of averages, rows of the batch query, rows that differ"
sub compare
{
	my ($self) = @_;
	return $self->sql(qq{
		WITH batch AS ($batch)
		SELECT format('%s %s %s', (SELECT count(*) FROM averages), (SELECT count(*) FROM batch),
			(SELECT count(*) FROM (TABLE batch EXCEPT ALL SELECT f0, average FROM averages) x) +
			(SELECT count(*) FROM (SELECT f0, average FROM averages EXCEPT ALL TABLE batch) x)) });
}

# How many rows the batch query has.
sub batch_rows
{
	my ($self) = @_;
	return $self->sql("SELECT count(*) FROM ($batch) b");
}

# The result is exact and nothing is left prepared.
sub is_exact
{
	my ($self, $name) = @_;
	my $rows = $self->batch_rows;

	Test::More::is($self->compare, "$rows $rows 0", "$name: exactly the batch query's rows");
	Test::More::is($self->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
	return;
}

1;
