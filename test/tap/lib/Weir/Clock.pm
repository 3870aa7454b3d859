package Weir::Clock;

=head1 Weir::Clock

A wall clock that the test sets, for one server and all its processes: a shared
library (clock.c) that the server preloads.

	my $clock = Weir::Clock->new;
	my $node = Weir::Node->create('name', { clock => $clock });
	$clock->set(-3600);		# seconds from the true time

=cut

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

sub new
{
	my ($class) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { library => "$directory/clock.so", file => "$directory/offset" }, $class;

	system_or_bail($ENV{CC} || 'cc', '-O2', '-shared', '-fPIC', '-o', $self->{library},
		dirname(__FILE__) . '/clock.c', '-ldl');
	open(my $file, '>:raw', $self->{file}) or die "could not write $self->{file}: $!";
	syswrite($file, pack('q', 0));
	close $file;
	return $self;
}

# In place, since the server has it mapped.
sub set
{
	my ($self, $seconds) = @_;

	open(my $file, '+<:raw', $self->{file}) or die "could not write $self->{file}: $!";
	syswrite($file, pack('q', $seconds * 1_000_000)) == 8 or die "could not write $self->{file}: $!";
	close $file;
	$self->{seconds} = $seconds;
	return;
}

# What a server's process needs in its environment.
sub environment
{
	my ($self) = @_;
	return (LD_PRELOAD => $self->{library}, WEIR_CLOCK_FILE => $self->{file});
}

1;
