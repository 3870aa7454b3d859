# protocol 'resume': a sender that honours RESUME and ACK loses nothing and
# repeats nothing, whatever dies.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('resume');
my $resume = q{protocol 'resume', max_retries '-1', retry_delay '50 ms'};

sub begin
{
	my ($name, $sender, %o) = @_;

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, server => $resume, %o);
	$node->sql(q{SELECT weir.start_job('s3')});
	return;
}

# Kills, at random moments of a stream that flows, the server or the source.
my $data = Weir::Node::random_lines(150_000, 100, 60);
my $end = length $data;

foreach my $journal ('on', 'off')
{
	my $sender = Weir::Sender->new($data, resume => 1, identity => "one_$journal");
	begin("kills_$journal", $sender, server => "$resume, journal '$journal'");
	$node->load_input($data);
	$sender->rate($end / 8);
	$sender->send_to($end);
	foreach my $kill (1 .. 5)
	{
		$sender->wait_acked($kill * $end / 7, 60);
		if ($kill % 2) { $node->kill9; $node->start; }
		else { $node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'}); }
	}
	$sender->rate(0);
	ok($node->wait_until('SELECT records = 150000 FROM weir.sources'), "journal $journal: all was read");
	$sender->wait_acked($end);
	$node->sql(q{SELECT weir.stop_job('s3')});
	$node->is_exact("journal $journal, with kills");
	is($sender->refused, 0, "journal $journal: nothing was asked for that was acknowledged");
	is($node->sql('SELECT coalesce(sum(pg_total_relation_size(t)), 0) > 0 FROM journal_tables() t'),
		$journal eq 'on' ? 't' : 'f', "journal $journal: there is one, or not");
}

unlike(slurp_file($node->logfile), qr/reconnects inside a record/, 'no WARNING of a loss');
done_testing();
