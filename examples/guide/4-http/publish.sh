#!/bin/sh
# Publishes with curl. BACKEND_URL and BACKEND_KEY say where and with which key.
set -eu

# The key goes in by way of standard input: arguments can be seen by everybody on the machine.
printf 'header = "X-Backend-Key: %s"\n' "$BACKEND_KEY" |
	curl --config - --silent --show-error --fail --max-time 10 --output /dev/null \
		--header 'Content-Type: application/json' \
		--data '{
			"service": "pubsub_backend",
			"message": {
				"command": "publish",
				"params": {
					"channel": "timetable",
					"message": {"train": "IC 612", "delay": 5, "by": "curl"}
				}
			}
		}' \
		"$BACKEND_URL"
