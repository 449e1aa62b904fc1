"""Times the start of `signal-trace record`: until all programs are attached, and until the first signal is shown.

python3 tests/startup.py target/release/signal-trace     (as root)
"""

import json
import signal
import statistics
import subprocess
import sys
import time


def once(program):
    start = time.monotonic()
    trace = subprocess.Popen([program, "record", "--format", "jsonl"], stdout=subprocess.PIPE)
    trace.stdout.readline()
    attached = time.monotonic() - start
    target = subprocess.Popen(["sleep", "100"])
    target.terminate()
    target.wait()
    for line in trace.stdout:
        record = json.loads(line)
        if record["type"] == "signal" and record["target"]["process"]["pid"] == target.pid:
            break
    shown = time.monotonic() - start
    with open(f"/proc/{trace.pid}/status") as status:
        private = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
    trace.send_signal(signal.SIGINT)
    trace.stdout.read()
    if trace.wait() != 0:
        sys.exit(f"record ended with {trace.returncode}")
    return attached * 1000, shown * 1000, private


runs = list(zip(*(once(sys.argv[1]) for _ in range(15))))
for name, unit, values in zip(("attached", "first signal", "private memory"), ("ms", "ms", "kB"), runs):
    print(f"{name}: median {statistics.median(values):.0f} {unit}, worst {max(values):.0f} {unit}")
