<?php

namespace App;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Support\Facades\DB;

// A job that takes its time, and leaves a row in `done` when it has come to its end.
class Work implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public int $tries = 3;

    public function __construct(private float $seconds, private string $how)
    {
    }

    public function handle(): void
    {
        fwrite(STDERR, "working\n");
        if ($this->how === 'child') {
            passthru("sleep {$this->seconds}");
        } else {
            // Not one sleep(), which ends early when a signal is handled. What it writes wakes Supervisord,
            // which looks at its own signals only once a second otherwise.
            $end = microtime(true) + $this->seconds;
            while (microtime(true) < $end) {
                fwrite(STDERR, '.');
                usleep(50_000);
            }
        }
        DB::table('done')->insert(['at' => time()]);
    }
}
