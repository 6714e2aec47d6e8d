"""The training jobs of a specification: one after another under names that follow from its hash, at most one of them alive."""

from dataclasses import dataclass
from typing import Any

from resources.training.base import CapacityLacking, TrainingRejected
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import NotThere
from resources.training.sagemaker_jumpstart.requests import attempts_of, job_name
from resources.training.sagemaker_jumpstart.states import STOPPING, is_over

MOST = 100

Described = dict[str, Any]


@dataclass(frozen=True)
class Attempts:
    """The attempts at one specification, as the service has them."""

    aws: Aws
    idem: str

    def usable(self) -> Described | None:
        """The attempt that runs, or that made a model."""
        for _, job in self._known():
            if not is_over(job["TrainingJobStatus"]) and job["TrainingJobStatus"] not in STOPPING:
                return job
        return None

    def next(self) -> Described | int:
        """The attempt that is usable, else the number of the one to make. Raises `CapacityLacking` while one is ending."""
        known = self._known()
        for _, job in known:
            status = job["TrainingJobStatus"]
            if status in STOPPING:
                raise CapacityLacking(f"training job {job['TrainingJobName']} is {status}; try again when it has ended")
            if not is_over(status):
                return job
        last = known[0][0] if known else 0
        if last >= MOST:
            raise TrainingRejected(f"{last} training jobs of this specification did not succeed; change the recipe")
        return last + 1

    def names(self) -> list[str]:
        """What the service lists under the specification's name."""
        pages = self.aws.pages("sagemaker", "ListTrainingJobs", NameContains=job_name(self.idem))
        return [str(one["TrainingJobName"]) for page in pages for one in page["TrainingJobSummaries"]]

    def _known(self) -> list[tuple[int, Described]]:
        """The attempts as they are now, newest first.

        Listings lag behind, descriptions do not: the names that follow the listed ones are asked for one by one.
        """
        listed = attempts_of(self.idem, self.names())
        found = {attempt: job_of(self.aws, job_name(self.idem, attempt)) for attempt in listed}
        following = max(listed, default=0) + 1
        while following <= MOST and (job := job_of(self.aws, job_name(self.idem, following))):
            found[following] = job
            following += 1
        return [(attempt, job) for attempt, job in sorted(found.items(), reverse=True) if job is not None]


def job_of(aws: Aws, name: str) -> Described | None:
    """A training job as the service describes it; None if there is none of this name."""
    try:
        return aws.read("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
    except NotThere:
        return None
