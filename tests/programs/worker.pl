# Does one known thing with SIGTERM: worker.pl MODE. Says READY with its pids.
use strict;
use warnings;
use POSIX ();

my $mode = shift @ARGV;
$| = 1;
$SIG{USR1} = sub { POSIX::_exit(0) };

# A child that runs `$body`, or ends at once.
sub child {
    my ($body) = @_;
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        $body->() if $body;
        POSIX::_exit(0);
    }
    return $pid;
}

sub ready { print join(' ', 'READY', $$, @_), "\n" }
sub idle { sleep 1000 while 1 }

if ($mode eq 'exit') {
    $SIG{TERM} = sub { exit 0 };
    ready();
} elsif ($mode eq 'ignore') {
    $SIG{TERM} = 'IGNORE';
    ready();
} elsif ($mode eq 'late') {
    # An exception that ends a long job: at its end.
    $SIG{TERM} = sub { select(undef, undef, undef, 1.4); exit 0 };
    ready();
} elsif ($mode eq 'forward') {
    # Disposed of before the fork: the child is ready when it is there.
    $SIG{TERM} = sub { exit 0 };
    my $child = child(\&idle);
    $SIG{TERM} = sub { kill 'TERM', $child; waitpid $child, 0; exit 0 };
    ready($child);
} elsif ($mode eq 'supervise') {
    $SIG{TERM} = sub { };
    my $child = child(\&idle);
    $SIG{TERM} = sub {
        kill 'TERM', $child;
        select(undef, undef, undef, 0.3);
        kill 'KILL', $child;
        waitpid $child, 0;
        exit 0;
    };
    ready($child);
} elsif ($mode eq 'zombie') {
    $SIG{TERM} = sub { exit 0 };
    # Its end closes the pipe.
    pipe(my $reader, my $writer) or die "pipe: $!";
    my $child = child();
    close $writer;
    my $end = <$reader>;
    ready($child);
} elsif ($mode eq 'autoreap') {
    $SIG{TERM} = sub { exit 0 };
    $SIG{CHLD} = 'IGNORE';
    child();
    ready();
} elsif ($mode eq 'default') {
    ready();
} else {
    die "no mode $mode";
}
idle();
