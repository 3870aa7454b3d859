# What each mode may and may not do after a crash, with a sender that honours
# the protocol 'resume'.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('delivery');
my $each = 'INSERT INTO averages SELECT f0, f1 FROM readings';
my $resume = q{protocol 'resume', max_retries '-1', retry_delay '20 ms'};
my %promise = (
	exactly_once => { lose => 0, repeat => 0 },
	at_least_once => { lose => 0, repeat => 1 },
	at_most_once => { lose => 1, repeat => 0 });
my @kept = ([ 'exactly_once', 'on' ], [ 'exactly_once', 'off' ], [ 'at_least_once', 'on' ], [ 'at_least_once', 'off' ], [ 'at_most_once', 'on' ]);
my $sender;

sub begin
{
	my ($name, $data, $journal, $checkpointing, %o) = @_;

	$sender = Weir::Sender->new($data, resume => 1, identity => $name);
	$node->use_database($name);
	$node->averaging_job(port => $sender->port, server => "$resume, journal '$journal'",
		checkpointing => "sink_flush => '20 ms', $checkpointing", %o);
	$node->sql(q{SELECT weir.start_job('s3')});
	return;
}

sub rows { return $node->sql(q{SELECT coalesce(string_agg(f0 || ' ' || average, ', ' ORDER BY f0, average), '') FROM averages}); }

sub processed
{
	my ($n, $name) = @_;
	return ok($node->wait_until("SELECT sum(records_in) = $n FROM weir.tasks WHERE kind = 'keyed'"), "$name: $n processed");
}

# Output and state, step by step: a record before a checkpoint and one behind it,
# a crash, the second value of each key.
foreach my $case (@kept)
{
	my ($mode, $journal) = @$case;
	my $name = "steps_${mode}_$journal";
	my ($before, $behind, $after) = ("1 10\n", "2 10\n3 20\n3 40\n", "1 20\n2 30\n");
	my $once = $mode eq 'exactly_once';

	begin($name, $before . $behind . $after, $journal, "every => '1 h', mode => '$mode'");
	$sender->send_to(length $before);
	processed(1, $name);
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	$sender->send_to(length($before . $behind));
	processed(4, $name);
	ok($node->wait_until('SELECT count(*) FROM averages', $once ? 0 : 1), "$name: output " . ($once ? 'waits for the checkpoint' : 'is visible'));
	$node->kill9;
	$node->start;
	$sender->send_to(length($before . $behind . $after));
	processed($mode eq 'at_most_once' ? 2 : 5, $name);
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is(rows(), { exactly_once => '1 15, 2 20, 3 30', at_least_once => '1 15, 2 20, 3 30, 3 30', at_most_once => '1 15, 3 30' }->{$mode},
		"$name: " . { exactly_once => 'each once, in output and state', at_least_once => 'output is repeated, state is not lost',
			at_most_once => 'state goes back to the checkpoint, output is not repeated' }->{$mode});
	$sender->wait_acked(length($before . $behind . $after));
	is($sender->refused, 0, "$name: the sender could forget what was acknowledged");
}

# Crashes while records flow.
my $data = Weir::Node::random_lines(60_000, 100, 23);
foreach my $case (@kept)
{
	my ($mode, $journal) = @$case;
	my $name = "kills_${mode}_$journal";
	my $differ = sub { my ($a, $b) = @_; return $node->sql("SELECT count(*) FROM ($a EXCEPT ALL $b) x"); };
	my ($in, $out) = ('SELECT f0, f1 FROM input', 'SELECT f0, average FROM averages');

	begin($name, $data, $journal, "every => '100 ms', mode => '$mode'", query => $each);
	$node->load_input($data);
	$sender->rate(length($data) / 4);
	$sender->send_to(length $data);
	foreach my $part (1 .. 3)
	{
		$sender->wait_acked($part * length($data) / 4);
		$node->kill9;
		$node->start;
	}
	$sender->rate(0);
	ok($node->wait_until('SELECT records = 60000 FROM weir.sources'), "$name: all was read");
	$node->sql(q{SELECT weir.stop_job('s3')});
	is($differ->($in, $out), 0, "$name: no record is lost") unless $promise{$mode}{lose};
	is($differ->($out, $in), 0, "$name: no record counts twice") unless $promise{$mode}{repeat};
	is($node->sql("SELECT count(*) FROM ($out EXCEPT $in) x"), 0, "$name: and there is no other");
	cmp_ok($differ->($in, $out), '<', 60_000, "$name: what was lost is not all") if $promise{$mode}{lose};
	is($sender->refused, 0, "$name: nothing was asked for that was acknowledged");
}

# What cannot keep its promise is refused.
my $refused = qr/55000.*at_most_once in the protocol "resume" needs a journal.*HINT:  Set option journal 'on'/s;
$node->sql(q{SELECT weir.drop_job('s3'); ALTER SERVER sensors OPTIONS (SET journal 'off')});
$node->sql(qq{SELECT weir.create_job('s3', '$each')});
like($node->sql_error(q{SELECT weir.enable_checkpointing('s3', mode => 'at_most_once')}), $refused, 'enable_checkpointing: at_most_once, resume, no journal');
$node->sql(q{SELECT weir.enable_checkpointing('s3', mode => 'exactly_once')});
$node->sql(q{ALTER SERVER sensors OPTIONS (SET protocol 'none')});
like($node->sql_error(q{SELECT weir.start_job('s3')}), qr/55000.*exactly_once needs a journal.*protocol 'resume'/s, 'start_job: exactly_once, neither resume nor journal');

# Without checkpointing nobody comes back: the sender may forget what was read.
$sender = Weir::Sender->new($data, resume => 1, identity => 'unchecked');
$node->use_database('unchecked');
$node->averaging_job(port => $sender->port, server => $resume, checkpointing => '', query => $each);
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
$sender->wait_acked(length $data);
ok($node->wait_until('SELECT count(*) = 60000 FROM averages'), 'no checkpointing: all is there');
is($node->sql('SELECT count(*) FROM journal_tables()'), '0', 'no checkpointing: no journal');
$node->sql(q{SELECT weir.stop_job('s3')});

done_testing();
