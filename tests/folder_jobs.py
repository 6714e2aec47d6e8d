"""Training jobs of the folder cloud: they advance by a phase at every poll, and fail, hang or kill their client as told."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resources.errors import SettingsError
from resources.training.base import (
    Artifact,
    CapacityLacking,
    Cost,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    MetricRow,
    Phase,
    Quote,
    TrainingData,
    TrainingRejected,
    TrainingSpec,
    TrainingUnreachable,
)
from tests.folder_cloud import Cloud, FolderBackend, FolderTrainers

PHASES: dict[str, Phase] = {"queued": "pending", "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}


class JobCloud(Cloud):
    """The service and its jobs. Knobs besides those of `Cloud`:

    `statuses`: what a job says at each look, the last for good; `words`: its message; `usd`, `seconds`: what a job is
    expected to cost and take; `billed`: what it does cost; `submit`: `refused`, `crowded`, `lost` (fails after the effect)
    or `down` (fails before it); `crowded_end`: a job ends for lack of room; `lag`: searches that find nothing; `down`:
    looks that find nobody; `garbled`: a job of which nonsense is told; `silent`: no events can be read; `die`:
    `before_create`, `after_create` or `looking` kills the process that asks; `here`: rows stay on this machine.
    """

    def jobs(self) -> dict[str, dict[str, Any]]:
        return self._read("jobs", {})

    def write_job(self, name: str, **fields: Any) -> None:
        known = self.jobs()
        self._write("jobs", {**known, name: {**known.get(name, {}), **fields}})

    def count_down(self, knob: str) -> bool:
        """Whether a knob that counts is still above zero; it counts on."""
        left = self.knobs().get(knob, 0)
        if left:
            self.turn(**{knob: left - 1})
        return bool(left)

    def die(self, where: str) -> None:
        if self.knobs().get("die") == where:
            os.kill(os.getpid(), signal.SIGKILL)


class JobBackend(FolderBackend):
    """The backend `name` that trains on such a cloud."""

    @property
    def cloud(self) -> JobCloud:
        return JobCloud(Path(self.folder))

    @property
    def runs_here(self) -> bool:
        return bool(self.cloud.knobs().get("here"))

    @property
    def destination(self) -> str:
        return "cloud.example"

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        unknown = sorted(set(options) - {"method"})
        if unknown:
            raise SettingsError(f"training.options: {', '.join(unknown)} is unknown; there is method")
        return "chat"

    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        if not data.train:
            raise TrainingRejected("no training rows")

    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        knobs = self.cloud.knobs()
        return Quote(knobs.get("usd"), "a price list", knobs.get("seconds"))

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        self.cloud.check_reachable()
        if self.cloud.count_down("lag"):
            return None
        for name, job in self.cloud.jobs().items():
            if job["idem"] == spec.idem() and self._status(job) not in ("failed", "cancelled"):
                return self._job(name)
        return None

    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        cloud, how = self.cloud, self.cloud.knobs().get("submit")
        cloud.check_reachable()
        cloud.die("before_create")
        if how == "down":
            raise TrainingUnreachable("the connection broke")
        if how == "crowded":
            raise CapacityLacking("no instance of this type is free")
        if how == "refused":
            raise TrainingRejected("the service refuses this file")
        found = self.find(spec)
        if found:
            return found
        name = f"ft-{len(cloud.jobs()) + 1}"
        files = {file: content.decode() for file, content in data.files.items()}
        cloud.write_job(
            name, idem=spec.idem(), parent=spec.parent, tags=dict(tags), files=files, looks=0, cancelled=False
        )
        cloud.die("after_create")
        if how == "lost":
            raise TrainingUnreachable("the answer never came")
        return self._job(name)

    def poll(self, handle: JobHandle) -> JobState:
        cloud = self.cloud
        cloud.check_reachable()
        cloud.die("looking")
        if cloud.count_down("down"):
            raise TrainingUnreachable("the token has expired")
        if cloud.knobs().get("garbled") == handle.job_id:
            raise KeyError("TrainingJobStatus")
        job = cloud.jobs()[handle.job_id]
        cloud.write_job(handle.job_id, looks=job["looks"] + 1)
        status = self._status(job)
        if status == "failed" and cloud.knobs().get("crowded_end"):
            raise CapacityLacking("CapacityError: no capacity was free for a day")
        cost = Cost(1000, "trained tokens", cloud.knobs().get("billed", 1.5)) if status in PHASES else None
        phase = PHASES.get(status, "running")
        words = cloud.knobs().get("words", "") if phase == "failed" else ""
        return JobState(phase, status, words, cost if phase not in ("pending", "running") else None)

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        if self.cloud.knobs().get("silent"):
            raise TrainingUnreachable("the log service does not answer")
        looks = self.cloud.jobs()[handle.job_id]["looks"]
        lines = [JobEvent(str(n), "info", f"step {n} of {handle.job_id}") for n in range(int(seen or 0), looks)]
        return lines, str(looks)

    def cancel(self, handle: JobHandle) -> None:
        self.cloud.check_reachable()
        self.cloud.write_job(handle.job_id, cancelled=True)

    def discard(self, handle: JobHandle) -> Sequence[str]:
        self.cloud.check_reachable()
        held = self.cloud.jobs()[handle.job_id]["files"]
        self.cloud.write_job(handle.job_id, files={})
        return [f"{name} of {handle.job_id}" for name in held]

    def artifact(self, handle: JobHandle) -> Artifact:
        curve = (MetricRow(1, 2.0), MetricRow(2, 1.0, 1.5))
        return Artifact(handle.job_id, {}, {"loss": 1.0}, curve, {"model_id": f"model-of-{handle.job_id}"})

    def _status(self, job: Mapping[str, Any]) -> str:
        statuses = self.cloud.knobs().get("statuses", ["queued", "running", "succeeded"])
        status = statuses[min(job["looks"], len(statuses) - 1)]
        return "cancelled" if job["cancelled"] and status not in PHASES.keys() - {"queued"} else status

    def _job(self, name: str) -> JobHandle:
        return JobHandle(self.name, name, self.cloud.jobs()[name]["idem"])


class JobTrainers(FolderTrainers):
    """Trainers whose clouds train."""

    def _backend(self, name: str) -> JobBackend:
        return JobBackend(folder=self.clouds[name], name=name)
