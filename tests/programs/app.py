"""A worker as users have it: app.py SECONDS [SIGNAL]. It needs that long to stop in order, which it
does on that signal (TERM), and says what it does. On USR1 it takes more memory than it may have."""

import os
import signal
import sys
import time

seconds = float(sys.argv[1])
name = sys.argv[2] if len(sys.argv) > 2 else "TERM"


def say(word):
    # A handler that comes in the middle of a print() must not print.
    os.write(1, f"{word}\n".encode())


def stop(*_):
    say("stopping")
    time.sleep(seconds)
    say("finished")
    sys.exit(0)


signal.signal(getattr(signal, "SIG" + name), stop)
signal.signal(signal.SIGUSR1, lambda *_: bytearray(300 << 20))
say("up")
while True:
    signal.pause()
