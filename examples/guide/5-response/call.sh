#!/bin/sh
# Calls a command of the service pubsub_backend and shows what the door said and what the service said. The argument is
# the command; "publish" works, any other is an error of the service. BACKEND_URL and BACKEND_KEY are as before.
set -eu

printf 'header = "X-Backend-Key: %s"\n' "$BACKEND_KEY" |
	curl --config - --silent --show-error --max-time 10 --write-out '\nthe door said %{http_code}\n' \
		--data '{
			"service": "pubsub_backend",
			"message": {
				"command": "'"${1:-publish}"'",
				"params": {"channel": "timetable", "message": "read by curl"}
			}
		}' \
		"$BACKEND_URL"
