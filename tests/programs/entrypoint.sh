# Entrypoints as they are written: SHELL entrypoint.sh MODE. Any POSIX shell runs it, and says
# READY with its pids.

ready() {
    echo "READY $*"
    # bash tells of every child that dies of a signal.
    exec 2>/dev/null
}

case $1 in
forget) # Starts a child and waits for it; nobody tells that one.
    sleep 1000 &
    ready $$ $!
    wait
    ;;
foreground) # A trap that has to wait for the foreground command.
    trap 'exit 0' TERM
    ready $$
    sleep 1000
    exit 1
    ;;
short) # The same, with a command that ends soon.
    trap 'exit 0' TERM
    ready $$
    while :; do sleep 0.3; done
    ;;
forward) # As it should be.
    sleep 1000 &
    child=$!
    trap 'kill -TERM "$child"; wait "$child"; exit 0' TERM
    ready $$ "$child"
    wait "$child"
    ;;
leave) # A trap that exits at once, and leaves the child behind.
    sleep 1000 &
    trap 'exit 0' TERM
    ready $$ $!
    wait
    ;;
exec) # The program takes the shell's place.
    ready $$
    exec sleep 1000
    ;;
deaf) # What is ignored stays so across exec.
    trap '' TERM
    ready $$
    exec sleep 1000
    ;;
code)
    trap 'exit 143' TERM
    ready $$
    while :; do sleep 0.1; done
    ;;
winch) # As Apache is stopped.
    trap 'exit 0' WINCH
    ready $$
    while :; do sleep 0.1; done
    ;;
hangup) # A reload.
    trap 'echo reloaded' HUP
    trap 'exit 0' USR1
    ready $$
    while :; do sleep 0.1; done
    ;;
plain) # No trap for any stop signal; it ends when it is told otherwise.
    trap 'exit 0' USR1
    ready $$
    while :; do sleep 0.1; done
    ;;
limit) # timeout(1) stops what takes too long: its own affair.
    trap 'exit 0' USR1
    ready $$
    timeout 0.4 sleep 5
    while :; do sleep 0.1; done
    ;;
levels) # Forwards, like all shells below it.
    trap 'kill -TERM "$child"; wait "$child"; exit 0' TERM
    if [ "$2" -gt 0 ]; then
        fifo=$(mktemp -u)
        mkfifo "$fifo"
        "$3" "$0" levels "$(($2 - 1))" "$3" >"$fifo" &
        child=$!
        read -r _ below <"$fifo"
        rm "$fifo"
        ready $$ $below
    else
        sleep 1000 &
        child=$!
        ready $$ "$child"
    fi
    wait "$child"
    ;;
*)
    echo "no mode $1" >&2
    exit 125
    ;;
esac
