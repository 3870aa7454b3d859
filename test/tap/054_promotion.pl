# The primary dies under load and its standby is promoted: the job goes on there,
# and the result is exact.  Before that nothing runs on the standby.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 40_000;
my $data = Weir::Node::random_lines($lines, 1000, 54);

# A primary with a job under load, and a standby that follows it.
sub pair
{
	my ($name, %o) = @_;
	my $primary = Weir::Node->create("primary_$name", 'max_wal_senders = 5', 'hot_standby = on');
	my $standby = Weir::Node->new("standby_$name");
	my $sender = Weir::Sender->new($data, hold => 1);

	$primary->use_database('failover');
	$primary->load_input($data);
	$primary->averaging_job(port => $sender->port,
		checkpointing => q{every => '20 ms', max_concurrent => 2, fail_on_errors => false});
	$primary->backup('base');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', $o{conf}) if $o{conf};
	$standby->start;
	$standby->{database} = 'failover';
	if ($o{synchronous})
	{
		$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby_$name'");
		$primary->reload;
		ok($primary->wait_until(q{SELECT sync_state = 'sync' FROM pg_stat_replication}), "$name: the standby is synchronous");
	}
	$primary->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(int(length($data) / 3));
	$sender->send_to(int(length($data) / 2));
	ok($primary->wait_consumed(int(length($data) / 3)), "$name: a third was read");
	ok($standby->wait_until(q{SELECT count(*) > 0 FROM averages}), "$name: the standby follows");
	return ($primary, $standby, $sender);
}

# What a standby answers.
sub only_looks_on
{
	my ($standby) = @_;

	is($standby->sql('SELECT count(*) FROM weir.tasks'), '0', 'nothing runs on a standby');
	is($standby->sql('SELECT count(*) FROM weir.sources'), '0', 'nor reads a stream');
	is($standby->sql(q{SELECT status FROM weir.jobs WHERE name = 's3'}), 'running', 'it shows how the job is on the primary');
	ok($standby->sql('SELECT count(*) > 0 FROM weir.checkpoints') eq 't', 'and its checkpoints');
	like($standby->sql(q{SELECT weir.explain_job('s3')}), qr/Function count_window_average/, 'it explains');
	is($standby->sql(q{SELECT weir.wait_for_job('s3', 'running')}), 't', 'it knows what has been reached');
	foreach my $call (
		q{create_job('x', 'INSERT INTO averages SELECT f0, f1 FROM readings')},
		q{start_job('s3')}, q{stop_job('s3')}, q{stop_job('s3', cancel => true)}, q{stop_job('s3', savepoint => 'x')},
		q{drop_job('s3')}, q{enable_checkpointing('s3')}, q{disable_checkpointing('s3')}, q{trigger_checkpoint('s3')},
		q{set_restart_strategy('s3', 'none')}, q{create_savepoint('s3', 'x')}, q{drop_savepoint('s3', 'x')},
		q{create_value_state('count_window_average(readings)', 'x', 'int')},
		q{drop_state('count_window_average(readings)', 'sum')},
		q{wait_for_job('s3', 'stopped')})
	{
		my ($function) = $call =~ /^(\w+)/;
		like($standby->sql_error("SELECT weir.$call"),
			qr/25006: cannot execute weir\.$function\(\) during recovery/, "on a standby $call is refused");
	}
	return;
}

sub fail_over
{
	my ($name, $primary, $standby, $sender) = @_;

	$primary->kill9;
	$standby->promote;
	$standby->tend($sender);
	$sender->send_to(length $data);
	return;
}

sub finish
{
	my ($name, $standby, $sender) = @_;

	$sender->rate(0);
	$sender->finish;
	ok($standby->wait_status('finished'), "$name: finished on the promoted standby");
	$standby->is_exact($name);
	$standby->tend(undef);
	$standby->stop;
	return;
}

{
	my ($primary, $standby, $sender) = pair('async');

	only_looks_on($standby);
	fail_over('async', $primary, $standby, $sender);
	ok($standby->wait_until(q{SELECT count(*) = 4 FROM weir.tasks}), 'async: it goes on by itself');
	finish('async', $standby, $sender);
}

# With synchronous replication nothing that was durable on the primary is read again.
{
	my ($primary, $standby, $sender) = pair('sync', synchronous => 1);
	my $durable = $primary->journal_end;

	fail_over('sync', $primary, $standby, $sender);
	ok($standby->journal_end >= $durable, 'sync: the journal holds all that was durable');
	finish('sync', $standby, $sender);
}

# Without autostart the promoted server waits for start_job.
{
	my ($primary, $standby, $sender) = pair('waits', conf => 'weir.autostart = off');

	fail_over('waits', $primary, $standby, $sender);
	ok($standby->wait_until(q{SELECT bool_and(wait_event = 'Extension') FROM pg_stat_activity WHERE backend_type = 'weir launcher'}),
		'waits: its launcher waits');
	is($standby->sql('SELECT count(*) FROM weir.tasks'), '0', 'waits: nothing runs');
	is($sender->accepts, '1', 'waits: nobody has connected again');
	$standby->sql(q{SELECT weir.start_job('s3')});
	finish('waits', $standby, $sender);
}

done_testing();
