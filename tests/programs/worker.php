<?php
// Does one known thing with SIGTERM: worker.php MODE. Says READY with its pids.
$mode = $argv[1];
pcntl_async_signals(true);

function ready(int ...$pids): void
{
    echo 'READY ', implode(' ', [getmypid(), ...$pids]), "\n";
}

function idle(): never
{
    while (true) {
        sleep(1000);
    }
}

pcntl_signal(SIGUSR1, fn () => exit(0));
$exit = function (): never {
    exit(0);
};
switch ($mode) {
    case 'default':
        break;
    case 'exit':
        pcntl_signal(SIGTERM, $exit);
        break;
    case 'job':
        // Laravel's way: the job at hand is finished first. This one takes too long.
        pcntl_signal(SIGTERM, function (): never {
            usleep(5000000);
            exit(0);
        });
        break;
    case 'ignore':
        pcntl_signal(SIGTERM, SIG_IGN);
        break;
    case 'forward':
        pcntl_signal(SIGTERM, $exit);
        $child = pcntl_fork();
        if ($child === 0) {
            idle();
        }
        pcntl_signal(SIGTERM, function () use ($child): never {
            posix_kill($child, SIGTERM);
            pcntl_waitpid($child, $status);
            exit(0);
        });
        ready($child);
        idle();
    default:
        exit("no mode $mode");
}
ready();
idle();
