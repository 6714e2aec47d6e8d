"""What moto keeps for the emulator: buckets with artifacts, the logs of jobs, their metrics."""

import io
import json
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

REGION = "us-east-1"
BUCKET = "raftline-training"
"""The bucket that is there after a reset."""

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def reset() -> None:
    for backends in (s3_backends, logs_backends, cloudwatch_backends, applicationautoscaling_backends):
        backends.reset()
    _s3().create_bucket(BUCKET, REGION)


def _s3() -> Any:
    return s3_backends[ACCOUNT]["aws"]


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def keys_below(uri: str) -> list[str]:
    """The keys of the objects at or below an address; empty if there are none, or no such bucket."""
    bucket, prefix = split(uri)
    found = _s3().buckets.get(bucket)
    return sorted(key for key in found.keys if key.startswith(prefix)) if found else []


def bucket_exists(uri: str) -> bool:
    return split(uri)[0] in _s3().buckets


def read(uri: str) -> bytes:
    return _s3().get_object(*split(uri)).value


def write(uri: str, content: bytes) -> None:
    bucket, key = split(uri)
    _s3().put_object(bucket, key, content)


def artifact(manifest: dict[str, Any]) -> dict[str, bytes]:
    """The files of a trained model that is none."""
    return {
        "adapter_config.json": json.dumps({"x-emulator": "not-a-real-model", **manifest}, sort_keys=True).encode(),
        "model.safetensors": b"not-a-real-model",
    }


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def log(job: str, at: float, lines: Sequence[str]) -> None:
    """Adds lines to the log stream of a job's first host."""
    logs = logs_backends[ACCOUNT][REGION]
    if LOG_GROUP not in logs.groups:
        logs.create_log_group(LOG_GROUP, {})
    stream = f"{job}/algo-1-1"
    logs.ensure_log_stream(LOG_GROUP, stream)
    events = [{"timestamp": int(at * 1000) + number, "message": line} for number, line in enumerate(lines)]
    logs.groups[LOG_GROUP].put_log_events(stream, events)


def measure(job: str, values: Sequence[tuple[str, float, float]]) -> None:
    """Puts (name, time, value) into CloudWatch, under the job's host."""
    metrics = cloudwatch_backends[ACCOUNT][REGION]
    for name, at, value in values:
        data = {
            "MetricName": name,
            "Dimensions": [{"Name": "Host", "Value": f"{job}/algo-1"}],
            "Timestamp": datetime.fromtimestamp(at, UTC).replace(tzinfo=None),  # as moto compares it
            "Value": value,
            "Unit": "None",
        }
        metrics.put_metric_data("/aws/sagemaker/TrainingJobs", [data])


def least_instances(endpoint: str, variant: str) -> int | None:
    """How few instances autoscaling may leave of an endpoint's variant; None if it is not scaled."""
    targets = applicationautoscaling_backends[ACCOUNT][REGION].targets
    target = targets.get("sagemaker:variant:DesiredInstanceCount", {}).get(f"endpoint/{endpoint}/variant/{variant}")
    return None if target is None else target.min_capacity


def remove(uri: str) -> None:
    """Deletes every object at or below an address."""
    bucket, _ = split(uri)
    for key in keys_below(uri):
        _s3().delete_object(bucket, key)
