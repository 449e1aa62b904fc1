#!/bin/sh
# A shutdown to watch: a shell is PID 1 of its own PID namespace, with a worker below it, and somebody
# stops it the way a container runtime does: SIGTERM, two seconds of grace, SIGKILL.
set -eu

# "; true" keeps the shell from replacing itself by the worker.
unshare --pid --fork sh -c 'sleep 60; true' 2>/dev/null &
unshare=$!

pid1=
while [ -z "$pid1" ]; do
    sleep 0.2
    pid1=$(cat "/proc/$unshare/task/$unshare/children")
    pid1=${pid1%% *}
done
sleep 0.3

kill -TERM "$pid1"
sleep 2
kill -KILL "$pid1"
wait "$unshare" || true
