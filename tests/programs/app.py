"""A worker as users have it: app.py SECONDS [SIGNAL]. It needs that long to stop in order, which it
does on that signal (TERM), and says what it does. On USR1 it takes more memory than it may have."""

import signal
import sys
import time

seconds = float(sys.argv[1])
name = sys.argv[2] if len(sys.argv) > 2 else "TERM"


def stop(*_):
    print("stopping", flush=True)
    time.sleep(seconds)
    print("finished", flush=True)
    sys.exit(0)


signal.signal(getattr(signal, "SIG" + name), stop)
signal.signal(signal.SIGUSR1, lambda *_: bytearray(300 << 20))
print("up", flush=True)
while True:
    signal.pause()
