# The reference senders of examples/resume: a file and a pipe, through kills, and
# a file of another identity behind the first.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $node = Weir::Node->create('reference_senders');
my $compiled = $node->basedir . '/sender';
my %sender = (c => [$compiled], python => [ 'python3', 'examples/resume/sender.py' ]);

ok(system('cc', '-std=gnu99', '-Wall', '-Wextra', '-Werror', '-O2', '-o', $compiled, 'examples/resume/sender.c') == 0,
	'the one in C compiles');

# A sender that sends a file, or gets the data through a pipe; its exit status
# when all is acknowledged.
sub run_sender
{
	my ($kind, $port, $data, %o) = @_;
	my $file = $node->basedir . "/$o{name}";

	append_to_file($file, $data);
	return start([ @{ $sender{$kind} }, $port, $o{pipe} ? () : $file ], '<', $o{pipe} ? $file : \undef);
}

foreach my $kind (sort keys %sender)
{
	foreach my $pipe (0, 1)
	{
		my $name = $kind . ($pipe ? '_pipe' : '_file');
		my $port = PostgreSQL::Test::Cluster::get_free_port();
		my @data = map { Weir::Node::random_lines(100_000, 100, 21 + $_) } 1 .. 2;

		$node->use_database($name);
		$node->averaging_job(port => $port, server => q{protocol 'resume', max_retries '-1', retry_delay '50 ms'});
		$node->load_input(join '', @data);
		my $first = run_sender($kind, $port, $data[0], name => "$name.1", pipe => $pipe);
		$node->sql(q{SELECT weir.start_job('s3')});
		foreach my $kill (1 .. 3)
		{
			ok($node->wait_until("SELECT records > $kill * 10000 FROM weir.sources"), "$name: records flow");
			$node->kill9;
			$node->start;
		}
		ok(finish($first), "$name: ends when all is acknowledged");
		my $second = run_sender($kind, $port, $data[1], name => "$name.2", pipe => $pipe);
		ok(finish($second), "$name: so does the next, of another stream");
		ok($node->wait_until('SELECT records = 200000 FROM weir.sources'), "$name: all was read");
		$node->sql(q{SELECT weir.stop_job('s3')});
		$node->is_exact($name);
	}
}

done_testing();
