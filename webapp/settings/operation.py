"""What whoever runs the installation sets: the log, who may read figures, which proxies are believed."""

import logging

from webapp.settings.environment import env

# "json": one JSON object a line, with a line for every request; else plain lines.
LOG_FORMAT = env("LOG_FORMAT", "plain")
if LOG_FORMAT == "json":
    logging.captureWarnings(True)  # else Python writes them beside the log, in lines of its own
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "annotation.common.logs.Lines", "format": "%(levelname)s %(name)s: %(message)s"},
        "json": {"()": "annotation.common.logs.JsonLines"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json" if LOG_FORMAT == "json" else "plain"}
    },
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        "mapwright.requests": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"},
        # Django's own handlers would write the same lines once more, in a form of their own.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # It would write the whole address of every request, and those of webhooks may hold a secret.
        "httpx": {"level": "WARNING"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}

# Where backups go besides: s3://BUCKET/PREFIX, of Amazon or, with an endpoint such as https://s3.example.org, of
# another. Without keys, those that the machine has by itself (its environment, its role) are taken.
BACKUP_S3 = env("BACKUPS_S3")
S3_ENDPOINT = env("S3_ENDPOINT")
S3_REGION = env("S3_REGION")
S3_ACCESS_KEY = env("S3_ACCESS_KEY")
S3_SECRET_KEY = env("S3_SECRET_KEY")

# Who brings this as a bearer token reads /metrics/; without it, only who asks from this very machine.
METRICS_TOKEN = env("METRICS_TOKEN")
# Addresses or networks of proxies whose X-Forwarded-For and X-Request-ID are believed; `unix`: who comes by the socket.
TRUSTED_PROXIES = [one.strip() for one in env("TRUSTED_PROXIES").split(",") if one.strip()]
# Webhooks go to public hosts over https, and to those allowed by name, whatever their address.
WEBHOOK_HOSTS = [host.strip() for host in env("WEBHOOK_HOSTS").split(",") if host.strip()]
# Changesets of one small area each: at most so many edits, and so many kilometres along the longer side.
CHANGESET_EDITS = int(env("CHANGESET_EDITS", "200"))
CHANGESET_KM = float(env("CHANGESET_KM", "5"))
