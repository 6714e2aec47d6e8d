"""A training job as DescribeTrainingJob tells it: its phase, why it ended, and what it cost."""

from collections.abc import Mapping
from typing import Any

from resources.training.base import CANCELLED, FAILED, SUCCEEDED, CapacityLacking, Cost, JobState, Phase
from resources.training.sagemaker_jumpstart.faults import told
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions

STOPPING = frozenset({"Stopping", "Deleting"})
ALIVE = frozenset({"InProgress", "Completed"})
"""Statuses of a job that another one must not be made beside. Unknown ones count too: see `is_over`."""

_WAITING = frozenset({"Starting", "Pending", "LaunchingMLInstances", "PreparingTrainingStack", "Restarting"})
_OUT_OF_TIME = {"MaxRuntimeExceeded": "max_runtime_hours", "MaxWaitTimeExceeded": "max_wait_hours"}
_NO_ROOM = ("capacityerror", "insufficient capacity", "resourcelimitexceeded", "unable to provision")


def is_over(status: str) -> bool:
    """Whether a job ended without a model. A status that is unknown does not count as an end."""
    return status in ("Failed", "Stopped")


def state_of(job: Mapping[str, Any], options: SageMakerTrainerOptions) -> JobState:
    """How far a job is. Raises `CapacityLacking` for one that ended because there was no room for it."""
    status, secondary = str(job["TrainingJobStatus"]), str(job.get("SecondaryStatus") or "")
    reason = told(job.get("FailureReason") or "")
    if status == "Failed" and any(word in reason.lower() for word in _NO_ROOM):
        raise CapacityLacking(f"training job {job['TrainingJobName']} found no room: {reason}")
    phase, message = _phase(status, secondary), reason
    if secondary in _OUT_OF_TIME and phase == FAILED:
        message = f"stopped after {secondary}: raise trainers.sagemaker_jumpstart.{_OUT_OF_TIME[secondary]}"
    if phase == SUCCEEDED and spot_saving(job) is not None:
        message = f"managed spot training saved {spot_saving(job):.0%}"
    shown = secondary if status in ("InProgress", "Stopped") and secondary else status
    return JobState(phase, shown, message or _last_words(job), cost_of(job, options))


def cost_of(job: Mapping[str, Any], options: SageMakerTrainerOptions) -> Cost | None:
    """What a job was billed for; None while it runs. Spot savings are in the billable time already."""
    seconds = job.get("BillableTimeInSeconds")
    if seconds is None:
        return None
    quantity = float(seconds) * int(job["ResourceConfig"].get("InstanceCount") or 1)
    price = options.usd_per_training_hour
    return Cost(quantity, "billable seconds", None if price is None else quantity / 3600 * price)


def spot_saving(job: Mapping[str, Any]) -> float | None:
    """The share of training time that managed spot did not charge for; None without spot."""
    billable, training = job.get("BillableTimeInSeconds"), job.get("TrainingTimeInSeconds")
    if not job.get("EnableManagedSpotTraining") or billable is None or not training:
        return None
    return 1 - float(billable) / float(training)


def _phase(status: str, secondary: str) -> Phase:
    if status == "Completed":
        return SUCCEEDED
    if status == "Failed" or (status == "Stopped" and secondary in _OUT_OF_TIME):
        return FAILED
    if status == "Stopped":
        return CANCELLED
    if secondary == "Interrupted":
        return "paused"
    return "pending" if secondary in _WAITING else "running"


def _last_words(job: Mapping[str, Any]) -> str:
    transitions = job.get("SecondaryStatusTransitions") or ()
    return told(transitions[-1].get("StatusMessage") or "") if transitions else ""
