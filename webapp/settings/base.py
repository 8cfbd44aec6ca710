"""Settings shared by every environment; everything a deployment may change is read from MAPWRIGHT_* variables."""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from webapp.settings.api import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401
from webapp.settings.environment import env
from webapp.settings.operation import *  # noqa: F403
from webapp.settings.stages import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent.parent


VAR_DIR = Path(env("VAR", str(BASE_DIR / "var")))
# deploy/services notes where it put the sockets.
_NOTE = VAR_DIR / "run_dir"
RUN_DIR = Path(env("RUN_DIR", _NOTE.read_text(encoding="utf-8").strip() if _NOTE.is_file() else str(VAR_DIR / "run")))

SECRET_KEY = env("SECRET_KEY")
# Former keys, separated by commas: sessions that they signed go on, and so do the seals of backups.
SECRET_KEY_FALLBACKS = [key for key in env("SECRET_KEY_FALLBACKS").split(",") if key]
DEBUG = False
ALLOWED_HOSTS = [host for host in env("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if host]
CSRF_TRUSTED_ORIGINS = [origin for origin in env("CSRF_TRUSTED_ORIGINS").split(",") if origin]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "axes",
    "csp",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "annotation.common",
    "annotation.accounts",
    "annotation.review",
    "annotation.sources",
    "annotation.tiles",
    "annotation.anchors",
    "annotation.correspondences",
    "annotation.learning",
    "annotation.learning.former",
    "annotation.consistency",
    "annotation.geolocation",
    "annotation.changes",
    "annotation.landmarks",
    "annotation.edits",
    "annotation.digest",
    "annotation.pipeline",
    "annotation.operation",
]

MIDDLEWARE = [
    "annotation.operation.middleware.Requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "annotation.accounts.middleware.SamePerson",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
ASGI_APPLICATION = "webapp.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "NAME": env("DB_NAME", "mapwright"),
        "USER": env("DB_USER", "mapwright"),
        "PASSWORD": env("DB_PASSWORD"),
        "HOST": env("DB_HOST", str(RUN_DIR)),
        "PORT": env("DB_PORT"),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Requests ask small questions: compiling a plan takes longer than any of them. What a machine held that is gone
        # is let go within a minute.
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c jit=off -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
        },
    }
}

REDIS_URL = env("REDIS_URL", f"unix://{RUN_DIR}/redis.sock")
REDIS_DB = int(env("REDIS_DB", "0"))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"{REDIS_URL}?db={REDIS_DB}",
        "KEY_PREFIX": env("DB_NAME", "mapwright"),
    }
}
TILE_CACHE_SECONDS = 7 * 24 * 3600
# Alerts and digests leave by this host, if there is one; links begin with PUBLIC_URL, days end at DIGEST_HOUR (UTC).
SENDS_EMAIL = bool(env("EMAIL_HOST"))
EMAIL_HOST, EMAIL_PORT = env("EMAIL_HOST", "localhost"), int(env("EMAIL_PORT", "587"))
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env("EMAIL_USER"), env("EMAIL_PASSWORD")
EMAIL_USE_TLS, EMAIL_TIMEOUT = env("EMAIL_TLS", "1") == "1", 20
DIGEST_HOUR = int(env("DIGEST_HOUR", "5")) % 24
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", "mapwright@localhost")
PUBLIC_URL = env("PUBLIC_URL", "http://localhost:8000").rstrip("/")
SESSION_ENGINE = "django.contrib.sessions.backends.db"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_VERBOSE = False
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]

# gis.W001: the system's GDAL serves GeoDjango's own geometries alone; untrusted files are read by rasterio's newer GDAL
# in a child process (mlcore.ingestion.sandbox).
SILENCED_SYSTEM_CHECKS = ["gis.W001"]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/leaflet", BASE_DIR / "node_modules/leaflet/dist"),
    ("vendor/geoman", BASE_DIR / "node_modules/@geoman-io/leaflet-geoman-free/dist"),
]
PRESETS_DIR = BASE_DIR / "node_modules/@openstreetmap/id-tagging-schema/dist"
MEDIA_ROOT = Path(env("MEDIA", str(VAR_DIR / "media")))
# The set-up makes this directory on the disk of the media files, so that a finished upload is moved, not copied.
UPLOADS_DIR = Path(env("UPLOADS", str(VAR_DIR / "uploads")))
FILE_UPLOAD_TEMP_DIR = UPLOADS_DIR if UPLOADS_DIR.is_dir() else None
FILE_UPLOAD_HANDLERS = ["annotation.sources.uploads.HashingUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
MAX_UPLOAD_BYTES = int(env("MAX_UPLOAD_BYTES", str(20 * 2**30)))
MAX_PHOTO_BYTES = int(env("MAX_PHOTO_BYTES", str(32 * 2**20)))
MAX_MODEL_BYTES = int(env("MAX_MODEL_BYTES", str(64 * 2**20)))
# Backups: where they go, how many of the newest stay, and of how many weeks the last one.
BACKUP_ROOT = Path(env("BACKUPS", str(VAR_DIR / "backups")))
BACKUP_KEEP = int(env("BACKUPS_KEEP", "7"))
BACKUP_KEEP_WEEKLY = int(env("BACKUPS_KEEP_WEEKLY", "4"))

CELERY_BROKER_URL = (
    f"redis+socket://{REDIS_URL.removeprefix('unix://')}?virtual_host={REDIS_DB}"
    if REDIS_URL.startswith("unix://")
    else f"{REDIS_URL}/{REDIS_DB}"
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A request that enqueues must not wait for a broker that is away: one try, then the sweeper.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "max_retries": 1,
    "interval_start": 0,
    "socket_connect_timeout": 3,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    "sweep-jobs": {"task": "annotation.common.tasks.sweep_jobs", "schedule": 20.0, "options": {"expires": 20}},
    "look-again": {"task": "annotation.changes.tasks.look_again", "schedule": 20.0, "options": {"expires": 20}},
    "alerts": {"task": "annotation.changes.tasks.alerts", "schedule": 300.0, "options": {"expires": 300}},
    "assignments": {"task": "annotation.review.tasks.put_back", "schedule": 300.0, "options": {"expires": 300}},
    "first-looks": {"task": "annotation.pipeline.tasks.first_looks", "schedule": 60.0, "options": {"expires": 60}},
    "webhooks": {"task": "annotation.edits.tasks.deliver_webhooks", "schedule": 10.0, "options": {"expires": 10}},
    "watch": {"task": "annotation.edits.tasks.watch_uploads", "schedule": 3600.0, "options": {"expires": 600}},
    "digests": {"task": "annotation.digest.tasks.send_digests", "schedule": 900.0, "options": {"expires": 900}},
    "fold-counts": {"task": "annotation.review.tasks.fold_counts", "schedule": 30.0, "options": {"expires": 30}},
}

# Seconds: between writes of a job's progress, between its heartbeats, without one until it is given to another run, and
# until a job that still waits is announced again.
JOB_REPORT_SECONDS = 0.5
JOB_HEARTBEAT_SECONDS = float(env("JOB_HEARTBEAT_SECONDS", "5"))
JOB_STALE_SECONDS = float(env("JOB_STALE_SECONDS", "60"))
JOB_REWAKE_SECONDS = float(env("JOB_REWAKE_SECONDS", "120"))
# Once imagery and map of a region are imported, the general model that ships looks at them by itself, and a training of
# this size follows where enough is mapped. FIRST_LOOK=0: nothing starts by itself; FIRST_LOOK_TRAINING empty: no
# training follows. An administrator leaves single regions out (`Region.first_look`).
FIRST_LOOK = env("FIRST_LOOK", "1") == "1"
FIRST_LOOK_TRAINING = env("FIRST_LOOK_TRAINING", "compact")
# Where models train and scan: a torch device such as "cpu" or "cuda:1"; empty: the first GPU, else the CPU.
COMPUTE_DEVICE = env("DEVICE")

# Multimodal models that describe tiles, offered to administrators by name. Endpoints: JSON, or the path of a TOML file,
# {name: {url, model, key_env, ...}} as in mlcore.anchors.generators.endpoint; the key itself comes from the variable
# that key_env names. Models run here: name=folder or name=owner/model, separated by commas. Hosts whose addresses are
# not public are asked only if they are allowed by name.
MLLM_ENDPOINTS = env("MLLM_ENDPOINTS")
MLLM_ALLOWED_HOSTS = [host.strip() for host in env("MLLM_ALLOWED_HOSTS").split(",") if host.strip()]
MLLM_MODELS = env("MLLM_MODELS")
MLLM_BATCH = int(env("MLLM_BATCH", "4"))

# Matchers of image and map. The model that people put in use goes first; while there is none, weights of your own are
# taken, else those of the library. A match that chance explains no more often than 10 to the power of MATCHER_GATE, and
# whose inliers are off by no more than so many metres, is verified without a person; without a gate none is. Two people
# agree on a tile whose corners they bring so near each other.
MATCHER_WEIGHTS = env("MATCHER_WEIGHTS")
# Matchers of the package vismatch that are offered, by its names; it brings their weights under licences of their own.
VISMATCH_MATCHERS = [name.strip() for name in env("VISMATCH_MATCHERS").split(",") if name.strip()]
MATCHER_GATE_LOG10_NFA = float(env("MATCHER_GATE")) if env("MATCHER_GATE") else None
MATCHER_GATE_RMSE_M = float(env("MATCHER_GATE_RMSE_M", "0.5"))
# Looks that the matcher takes at most at one imagery or map to find an image without a place; one takes about a second.
IMAGE_LOOKS = int(env("IMAGE_LOOKS", "160"))
CORRESPONDENCES_AGREE_M = float(env("CORRESPONDENCES_AGREE_M", "0.75"))

# Reference imagery that images without a place are looked for in. Files that an admin names lie below the folder; tiles
# are fetched from public hosts over https, and from those allowed by name, whatever their address. So many tiles may a
# set be, so many requests a second does a server get, and so many pixels is a base along each side.
REFERENCE_FOLDER = env("REFERENCE_FOLDER")
REFERENCE_HOSTS = [host.strip() for host in env("REFERENCE_HOSTS").split(",") if host.strip()]
REFERENCE_MAX_TILES = int(env("REFERENCE_MAX_TILES", "50000"))
REFERENCE_TILES_PER_SECOND = float(env("REFERENCE_TILES_PER_SECOND", "8"))
REFERENCE_BASE_PX = int(env("REFERENCE_BASE_PX", "2048"))
# Weights of your own for finding them, while no model of the registry is in use; empty: those of the library.
LOCATOR_WEIGHTS = env("LOCATOR_WEIGHTS")
# Weights of your own for finding places by words, photos and coordinates, while no model of the registry is in use.
LANDMARKS_WEIGHTS = env("LANDMARKS_WEIGHTS")

# Uploads of changesets to the server of the map, and questions whether it has a building newer: off unless switched on.
# By default OpenStreetMap's development server, whose map is for trials. The site is where people sign in, the same
# host unless told; its application is registered there with the scopes read_prefs and write_api and the redirect
# address <this host>/osm/signed-in/. Hosts that are not public, or speak plain http, are asked if allowed by name.
OSM_UPLOAD = env("OSM_UPLOAD", "0") == "1"
OSM_API_URL = env("OSM_API_URL", "https://master.apis.dev.openstreetmap.org")
OSM_SITE_URL = env("OSM_SITE_URL") or OSM_API_URL.replace("://api.openstreetmap.org", "://www.openstreetmap.org")
OSM_CLIENT_ID = env("OSM_CLIENT_ID")
OSM_CLIENT_SECRET = env("OSM_CLIENT_SECRET")
OSM_HOSTS = [host.strip() for host in env("OSM_HOSTS").split(",") if host.strip()]
# Seconds: the first pause before a server that gave no answer is asked again (doubled each time), and the longest that
# a job waits at once; what it asks for beyond that ends the job, to be gone on with later.
OSM_PAUSE_SECONDS = float(env("OSM_PAUSE_SECONDS", "2"))
OSM_LONGEST_PAUSE_SECONDS = float(env("OSM_LONGEST_PAUSE_SECONDS", "120"))

# Seconds between two signs of life of a worker, and until one that gave none is taken for gone.
WORKER_BEAT_SECONDS = 15.0
WORKER_GONE_SECONDS = 60.0
REVIEW_LEASE_SECONDS = int(env("REVIEW_LEASE_SECONDS", "300"))

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
