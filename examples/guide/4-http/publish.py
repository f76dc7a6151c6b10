"""Publishes with nothing but Python's standard library. BACKEND_URL and BACKEND_KEY say where and with which key."""

import json
import os
import urllib.request

packet = {
    "service": "pubsub_backend",
    "message": {
        "command": "publish",
        "params": {
            "channel": "timetable",
            "message": {"train": "IC 612", "delay": 5, "by": "Python"},
        },
    },
}
request = urllib.request.Request(
    os.environ["BACKEND_URL"],
    data=json.dumps(packet).encode("utf-8"),
    headers={"X-Backend-Key": os.environ["BACKEND_KEY"], "Content-Type": "application/json"},
)
# Another status than 2xx is raised as an HTTPError.
with urllib.request.urlopen(request, timeout=10):
    pass
