"""What every stage brings: its jobs with their runners and queues, its review queues, its kinds of models."""

from webapp.settings.environment import env

CELERY_TASK_DEFAULT_QUEUE = "mapwright"

# Every kind of job and the function that runs it; the function takes a JobContext (annotation.common.services.jobs).
JOB_RUNNERS = {
    "sources.import_imagery": "annotation.sources.services.import_imagery.run",
    "sources.import_map": "annotation.sources.services.import_map.run",
    "tiles.build_pairs": "annotation.tiles.services.build_pairs.run",
    "anchors.generate": "annotation.anchors.services.generate.run",
    "correspondences.propose": "annotation.correspondences.services.propose.run",
    "correspondences.build_pairs": "annotation.correspondences.services.map_scans.run",
    "learning.train": "annotation.learning.services.train.run",
    "learning.evaluate": "annotation.learning.services.evaluate.run",
    "consistency.scan": "annotation.consistency.services.scan.run",
    "geolocation.prepare": "annotation.geolocation.services.prepare.run",
    "geolocation.build_features": "annotation.geolocation.services.build.run",
    "changes.find": "annotation.changes.services.find.run",
    "changes.map_pinned": "annotation.changes.services.map_pinned.run",
    "changes.rescore": "annotation.changes.services.rescore.run",
    "geolocation.locate": "annotation.geolocation.services.locate.run",
    "geolocation.become_imagery": "annotation.geolocation.services.confirm.run",
    "edits.upload": "annotation.edits.services.uploads.run.run",
    "edits.watch": "annotation.edits.services.uploads.watch.run",
    "landmarks.update_index": "annotation.landmarks.services.update_index.run",
    "landmarks.import_tags": "annotation.landmarks.services.from_map.run",
    "changes.first_look": "annotation.pipeline.services.first_look.run",
    "changes.main_job": "annotation.pipeline.services.main_job.run",
}

# Jobs that a GPU makes many times as fast, and the queue that each kind of job waits in; `kind?name=value` speaks of
# those with this parameter. A worker serves all queues; one that is started with `-Q gpu` or `-Q cpu,mapwright` serves
# only these, as on a machine with a card and one without. Without a GPU the same jobs run on the processor, and say so.
GPU_JOBS = (
    "anchors.generate?generator=transformers", "correspondences.propose", "correspondences.build_pairs",
    "learning.train", "learning.evaluate", "consistency.scan", "geolocation.build_features", "geolocation.locate",
    "landmarks.update_index", "changes.first_look", "changes.main_job",
)  # fmt: skip
JOB_QUEUES = {
    **dict.fromkeys(JOB_RUNNERS, "cpu"),
    **dict.fromkeys(GPU_JOBS, "gpu"),
    "correspondences.propose": env("MATCHER_QUEUE", "gpu"),
}
CELERY_TASK_QUEUES = {
    name: {"exchange": name, "routing_key": name}
    for name in (CELERY_TASK_DEFAULT_QUEUE, "cpu", "gpu", *JOB_QUEUES.values())
}

# Jobs that scan a region: of these a region has one at a time.
SCANNING_JOBS = ("consistency.scan", "changes.first_look", "changes.main_job")

# Every queue and the ReviewStage (annotation.review.stages) that describes it.
REVIEW_STAGES = {
    "changes": "annotation.changes.services.review_stage.STAGE",
    "anchors": "annotation.anchors.services.review_stage.STAGE",
    "anchor-adjudication": "annotation.anchors.services.review_stage.ADJUDICATION_STAGE",
    "correspondences": "annotation.correspondences.services.review_stage.STAGE",
    "correspondence-adjudication": "annotation.correspondences.services.review_stage.ADJUDICATION_STAGE",
}
# Every kind of model and the ModelKind (annotation.learning.kinds) that says how it is trained and compared.
MODEL_KINDS = {
    "region": "annotation.learning.services.region_kind.KIND",
    "matcher": "annotation.learning.services.matcher_kind.KIND",
    "locator": "annotation.learning.services.locator_kind.KIND",
    "landmarks": "annotation.landmarks.services.model_kind.KIND",
}
# What says which matcher of the registry is in use: its file and digest, or None. Matching stands below training.
MATCHER_IN_USE = "annotation.learning.selectors.matcher_in_use"
# Every stage whose verdicts models learn from, and what gives them (annotation.learning.decisions.Provider).
LEARNING_DECISIONS = {"changes": "annotation.changes.decided.decisions_of"}
# What is told of every decision on a change, and of every one taken back, in its transaction: (item, verdict).
CHANGE_LISTENERS = [
    "annotation.edits.services.webhooks.outbox.decided",
    "annotation.edits.services.freshness.decided",
]

# Imagery of other servers that pages show beside ours. Admins name it, of public hosts over https; hosts that are
# allowed by name may be private and speak plain http. The index is a file of the editor-layer-index (imagery.geojson),
# from which admins are offered what covers a region.
LAYER_HOSTS = [host.strip() for host in env("LAYER_HOSTS").split(",") if host.strip()]
LAYER_INDEX = env("LAYER_INDEX")
