<?php

namespace App;

// Puts a job into the queue.
class Push extends \Illuminate\Console\Command
{
    protected $signature = 'push {seconds} {how=wait}';

    public function handle(): void
    {
        dispatch(new Work((float) $this->argument('seconds'), $this->argument('how')));
    }
}
