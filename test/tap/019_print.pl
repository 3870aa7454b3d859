# Long lines into weir.print: all of them get into the log, once each, and what
# the processes take does not grow with their number.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $length = 1024 * 1024;
my $nlines = 100;
my $node = Weir::Node->create('print', 'shared_buffers = 16MB');
my $data = join('', map { "$_\n" } 1 .. $nlines);
my $sender = Weir::Sender->new($data);

$node->sql(<<"SQL");
CREATE SERVER numbers FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}');
CREATE FOREIGN TABLE numbers (n int) SERVER numbers;
SELECT weir.create_job('long', \$\$INSERT INTO weir.print SELECT 'line ' || n || ' ' || repeat(chr(97 + n % 26), $length) FROM numbers\$\$),
	weir.enable_checkpointing('long', every => '200 ms'), weir.start_job('long');
SQL
$sender->send_to(length $data);
ok($node->wait_until("SELECT max(records_out) = $nlines FROM weir.tasks WHERE kind <> 'source'"), 'all lines went through the sink');
$node->sql(q{SELECT weir.trigger_checkpoint('long')});
ok($node->wait_until(q{SELECT count(*) = 0 FROM weir_internal.outbox}), 'the outbox is empty');

sub peak_megabytes
{
	my ($pid) = @_;
	return slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m ? int($1 / 1024) : die "no VmHWM of $pid";
}

my %pids = map { split /\|/ } split /\n/, $node->sql('SELECT kind, pid FROM weir.tasks');
is(join(', ', sort keys %pids), 'coordinator, sink, source', 'three processes');
foreach my $name (sort keys %pids)
{
	my $peak = peak_megabytes($pids{$name});
	cmp_ok($peak, '<', 80, "the $name took less than so many MB ($peak)");
}
my $log = slurp_file($node->logfile);
is(scalar(grep { index($log, "LOG:  line $_ " . chr(97 + $_ % 26) x $length . "\n") < 0 } 1 .. $nlines), 0, 'lines are whole');
my %seen;
$seen{$1}++ while $log =~ /LOG:  line (\d+) /g;
is_deeply(\%seen, { map { $_ => 1 } 1 .. $nlines }, 'and there once each');
$node->stop;
done_testing();
