"""Does one known thing with its signals: worker.py MODE [NUMBER]. Says READY with its pids."""

import os
import signal
import subprocess
import sys
import time

mode = sys.argv[1]
number = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0


def ready(*pids):
    print("READY", os.getpid(), *pids, flush=True)


def leave(*_):
    time.sleep(number)
    sys.exit(0)


def idle():
    while True:
        signal.pause()


signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
children = []


def started(*words):
    """A child of the same kind, with what it announces; it is ready."""
    child = subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True)
    children.append(child)
    return child.stdout.readline().split()[1:]


def forward(*_):
    for child in children:
        child.send_signal(signal.SIGTERM)
    for child in children:
        child.wait()
    sys.exit(0)


def supervise(*_):
    for child in children:
        child.terminate()
        try:
            child.wait(number)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    sys.exit(0)


def reraise(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


if mode == "exit":
    signal.signal(signal.SIGTERM, leave)
elif mode == "code":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(number)))
elif mode == "swallow":
    signal.signal(signal.SIGTERM, lambda *_: None)
elif mode == "ignore":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif mode == "reraise":
    signal.signal(signal.SIGTERM, reraise)
elif mode == "suicide":
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
elif mode == "reload":
    signal.signal(signal.SIGHUP, lambda *_: None)
elif mode == "quit":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
elif mode == "abort":
    signal.signal(signal.SIGTERM, lambda *_: os.abort())
elif mode == "interrupt":
    pass  # Python's own SIGINT handler.
elif mode == "chain":
    signal.signal(signal.SIGTERM, forward)
    below = ["chain", str(number - 1)] if number > 1 else ["exit"]
    ready(*started(*below))
    idle()
elif mode == "supervise":
    signal.signal(signal.SIGTERM, supervise)
    ready(*started("ignore"))
    idle()
elif mode == "alone":
    signal.signal(signal.SIGTERM, leave)
    ready(*started("swallow"))
    idle()
elif mode == "zombie":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    child = os.fork()
    if child == 0:
        os._exit(3)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    ready(child)
    idle()
elif mode == "sigwait":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ready()
    signal.sigtimedwait({signal.SIGTERM}, 1000)
    if number < 0:
        idle()
    leave()
elif mode == "block":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
elif mode != "default":
    sys.exit(f"no mode {mode}")
ready()
idle()
