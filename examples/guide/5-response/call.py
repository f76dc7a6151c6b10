"""Calls a command of the service pubsub_backend and says what became of it. The argument is the command; "publish"
works, any other is an error of the service. BACKEND_URL and BACKEND_KEY are as before."""

import json
import os
import sys
import urllib.error
import urllib.request

packet = {
    "service": "pubsub_backend",
    "message": {
        "command": sys.argv[1] if len(sys.argv) > 1 else "publish",
        "params": {"channel": "timetable", "message": "read by Python"},
    },
}
request = urllib.request.Request(
    os.environ["BACKEND_URL"],
    data=json.dumps(packet).encode("utf-8"),
    headers={"X-Backend-Key": os.environ["BACKEND_KEY"]},
)
try:
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)["message"]  # without the packet around it
except urllib.error.HTTPError as refusal:
    sys.exit(f"the door refused: {refusal.code} {refusal.reason}")
except OSError as failure:
    sys.exit(f"no answer: {failure}")

if answer["type"] == "error":
    sys.exit(f"the service refused: {answer['message']}")
print("the service returned", json.dumps(answer["data"]))
