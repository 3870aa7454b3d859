# A server of another version of PostgreSQL goes on by pg_upgrade: whatever a job keeps,
# stopped before or running until the shutdown, and its savepoints.  OLD_PG_CONFIG
# names the old one, which has Weir as well (test/versions upgrade OLD NEW).
use strict;
use warnings;

use Cwd qw(getcwd);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::EveryKind;
use Weir::Node;

sub server
{
	my ($name, $pg_config, @options) = @_;
	chomp(my $bindir = `$pg_config --bindir`);
	my $node = Weir::Node->new($name, install_path => $bindir =~ s{/bin$}{}r);

	$node->init(extra => [ '--locale=C', '--encoding=UTF8', @options ]);
	$node->append_conf('postgresql.conf', join("\n", "shared_preload_libraries = 'weir'",
		'max_prepared_transactions = 100', 'max_worker_processes = 100', ''));
	$node->{bindir} = $bindir;
	return $node;
}

sub major { return int($_[0]->pg_version =~ s/\..*//r); }

sub finish
{
	my ($node, $database) = @_;

	$node->{database} = $database;
	is($node->sql(q{SELECT string_agg(DISTINCT status, ' ') FROM weir.jobs}), 'stopped', "$database: no job started by itself");
	$node->sql("SELECT weir.start_job('$_')") foreach @Weir::EveryKind::jobs;
	Weir::EveryKind::finish($node, $database);
	return;
}

my $old = server('old', $ENV{OLD_PG_CONFIG});
my $new_version = `$ENV{PG_CONFIG} --version`;
my $new = server('new', $ENV{PG_CONFIG}, $new_version =~ /PostgreSQL (\d+)/ && $1 >= 18 && major($old) < 18 ? '--no-data-checksums' : ());
note('from ' . $old->pg_version . ' to ' . $new->pg_version);

$old->start;
Weir::EveryKind::begin($old, 'stopped');
$old->sql("SELECT weir.stop_job('$_')") foreach @Weir::EveryKind::jobs;
Weir::EveryKind::begin($old, 'running');
$old->stop('fast');

my $here = getcwd();
chdir $PostgreSQL::Test::Utils::tmp_check or die "could not change directory: $!";
command_ok([ "$new->{bindir}/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $old->{bindir}, '-B', $new->{bindir}, '-s', $new->host, '-p', $old->port, '-P', $new->port,
		'-U', $ENV{PGUSER} // 'postgres' ], 'pg_upgrade');
chdir $here;

$new->start;
finish($new, $_) foreach 'stopped', 'running';
$new->stop('fast');
done_testing();
