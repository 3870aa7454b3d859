# The torture, with the server's clock set back and forth meanwhile.  On a machine
# that is busy a checkpoint may take its time; a step of the clock is 10 minutes and more.
use strict;
use warnings;

use FindBin;
use Weir::Node;

@ENV{qw(CLOCK LATE WEIR_LINES)} = (1, $ENV{LATE} || 30, $ENV{WEIR_LINES} || 100_000);
do "$FindBin::RealBin/095_torture.pl" or die $@ || $!;
