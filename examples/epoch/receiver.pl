#!/usr/bin/env perl
# receiver.pl PORT FILE
#
# Receives what a job sends to a socket in the protocol "epoch", each line once.
# Every epoch begins with a line "EPOCH <checkpoint>"; one that comes again holds the
# same lines in the same order.  So a receiver that knows the last epoch it has lines
# of, and how many, passes over so many when it comes again, and over all of an older
# one.  Here the file is what it knows: epochs and lines as they came.
use strict;
use warnings;

use IO::Handle;
use IO::Socket::INET;

my ($port, $name) = @ARGV;
die "usage: receiver.pl PORT FILE\n" unless defined $name;

# What the file holds; a line that a crash cut short is taken off.
my ($epoch, $lines, $good) = (0, 0, 0);
open(my $file, '+>>', $name) or die "could not open $name: $!\n";
seek($file, 0, 0);
while (my $line = <$file>)
{
	last unless $line =~ /\n\z/;
	$good = tell($file);
	if ($line =~ /^EPOCH (\d+)\n\z/) { ($epoch, $lines) = ($1, 0); }
	else { $lines++; }
}
truncate($file, $good) or die "could not truncate $name: $!\n";
seek($file, 0, 2);
$file->autoflush(1);

my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1)
  or die "could not listen on port $port: $!\n";

while (my $peer = $listener->accept)
{
	my $skip = 0;			# lines that are known already; -1: all of an epoch

	while (my $line = <$peer>)
	{
		last unless $line =~ /\n\z/;	# the connection ended within it
		if ($line =~ /^EPOCH (\d+)\n\z/)
		{
			$skip = $1 == $epoch ? $lines : $1 < $epoch ? -1 : 0;
			next if $1 <= $epoch;
			($epoch, $lines) = ($1, 0);
			print {$file} $line;
		}
		elsif ($skip == 0)
		{
			print {$file} $line;
			$lines++;
		}
		elsif ($skip > 0)
		{
			$skip--;
		}
	}
	close $peer;
}
