"""The app as a server for many visitors: readiness, metrics, HTTP API, logs and an orderly stop."""
