"""Times the end of `signal-trace daemon`: from SIGTERM until it is reaped, with a file sink.

python3 tests/end.py target/release/signal-trace     (as root)
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def once(program):
    with tempfile.TemporaryDirectory() as folder:
        service = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        service.bind(f"{folder}/notify")
        environment = dict(
            os.environ,
            NOTIFY_SOCKET=f"{folder}/notify",
            SIGNAL_TRACE__METRICS__ENABLED="false",
            SIGNAL_TRACE__SINKS__FILE__ENABLED="true",
            SIGNAL_TRACE__SINKS__FILE__PATH=f"{folder}/log/signal-trace.jsonl",
        )
        daemon = subprocess.Popen(
            [program, "daemon"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while b"READY=1" not in service.recv(4096):
            pass
        time.sleep(0.5)
        start = time.monotonic()
        daemon.terminate()
        if daemon.wait() != 0:
            sys.exit(f"the daemon ended with {daemon.returncode}")
        return (time.monotonic() - start) * 1000


times = [once(sys.argv[1]) for _ in range(15)]
print(f"ended: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
