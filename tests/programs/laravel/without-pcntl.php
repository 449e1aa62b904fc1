<?php
// For `-d auto_prepend_file`: the worker asks in its own namespace whether there is pcntl, and is told
// that there is not, as in the image php:cli, which comes without. It goes the same way then.

namespace Illuminate\Queue;

function extension_loaded(string $name): bool
{
    return $name !== 'pcntl' && \extension_loaded($name);
}
