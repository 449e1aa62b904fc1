<?php

namespace App;

// What `artisan` knows besides the commands of Laravel itself.
class Kernel extends \Illuminate\Foundation\Console\Kernel
{
    protected $commands = [Push::class];
}
