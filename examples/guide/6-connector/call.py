"""Does what the two steps before do, with the Python client for backends (the folder backendapi/python of the project,
on the PYTHONPATH or installed). The argument is the command; BACKEND_URL and BACKEND_KEY are as before."""

import os
import sys

from snorky_backend import BackendClient, BackendRefused, SnorkyError

command = sys.argv[1] if len(sys.argv) > 1 else "publish"
with BackendClient(os.environ["BACKEND_URL"], os.environ["BACKEND_KEY"]) as backend:
    try:
        data = backend.call(
            "pubsub_backend",
            command,
            channel="timetable",
            message={"train": "IC 612", "delay": 5, "by": "the Python connector"},
        )
    except SnorkyError as refusal:
        sys.exit(f"the service refused: {refusal.text}")
    except BackendRefused as refusal:
        sys.exit(f"the door refused: {refusal.status}")
print("the service returned", data)
