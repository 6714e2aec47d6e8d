"""What can be asked of a resource about tuning, one method per operation of the service."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resources.llm.providers.words import scrubbed
from resources.training.azure_openai.jobs import Job, job_of, recent
from resources.training.azure_openai.results import curve_of
from resources.training.azure_openai.service import Service
from resources.training.base import JobEvent, MetricRow

if TYPE_CHECKING:
    import openai

_LEVELS: Mapping[str, Any] = {"warn": "warning", "warning": "warning", "error": "error"}


class Tuning:
    """The models and jobs of a resource. Raises as `Service` does."""

    def __init__(self, service: Service):
        self._service = service

    def offered(self) -> dict[str, dict[str, Any]]:
        """Every model of the resource by its id, with whatever the service says about it."""

        async def look(client: "openai.AsyncOpenAI") -> dict[str, dict[str, Any]]:
            return {str(model.id): model.to_dict(mode="json") async for model in client.models.list()}

        return self._service.read(look)

    def recent(self) -> list[Job]:
        """The newest jobs, whoever made them."""
        return self._service.read(recent)

    def create(self, body: Mapping[str, Any], training_type: str) -> Job:
        """A new job; sent once."""

        async def make(client: "openai.AsyncOpenAI") -> Job:
            extra = {"trainingType": training_type}
            return job_of(await client.fine_tuning.jobs.create(**body, extra_body=extra))

        return self._service.order(make)

    def job(self, job_id: str) -> Job | None:
        """A job as it is now; None if neither it nor a list knows of it."""
        import openai

        async def look(client: "openai.AsyncOpenAI") -> Job | None:
            try:
                return job_of(await client.fine_tuning.jobs.retrieve(job_id))
            except openai.NotFoundError:
                return next((job for job in await recent(client) if job.job_id == job_id), None)

        return self._service.read(look)

    def cancel(self, job_id: str) -> None:
        """Stops a job; one that is over or gone is left as it is."""
        import openai

        async def stop(client: "openai.AsyncOpenAI") -> None:
            try:
                await client.fine_tuning.jobs.cancel(job_id)
            except (openai.BadRequestError, openai.NotFoundError, openai.ConflictError):
                return

        self._service.order(stop)

    def events(self, job_id: str, seen: str) -> tuple[list[JobEvent], str]:
        """The events after a cursor, oldest first, and the new cursor.

        The cursor is time and id of the newest one: an id that the service forgot does not bring all others back.
        """
        last_time, _, last_id = seen.partition(" ")

        async def look(client: "openai.AsyncOpenAI") -> list[tuple[int, JobEvent]]:
            found: list[tuple[int, JobEvent]] = []
            async for event in client.fine_tuning.jobs.list_events(job_id, limit=100):
                created_at = int(event.created_at)
                if event.id == last_id or (last_time and created_at < int(last_time)):
                    break
                level, words = _LEVELS.get(str(event.level), "info"), self.words(str(event.message))
                found.append((created_at, JobEvent(str(event.id), level, words)))
            return found

        newest_first = self._service.read(look)
        if not newest_first:
            return [], seen
        created_at, newest = newest_first[0]
        return [event for _, event in reversed(newest_first)], f"{created_at} {newest.event_id}"

    def curve(self, job: Job) -> tuple[MetricRow, ...]:
        """The loss curve of a job; empty if the service keeps none."""
        import openai

        async def download(client: "openai.AsyncOpenAI") -> bytes:
            try:
                return (await client.files.content(job.result_files[0])).content
            except openai.NotFoundError:
                return b""

        return curve_of(self._service.read(download)) if job.result_files else ()

    def checkpoints(self, job_id: str) -> list[str]:
        """The models of a job's last epochs, in the order of their steps; they can be deployed too."""
        import openai

        async def look(client: "openai.AsyncOpenAI") -> list[tuple[int, str]]:
            try:
                found = client.fine_tuning.jobs.checkpoints.list(job_id)
                return [(one.step_number, str(one.fine_tuned_model_checkpoint)) async for one in found]
            except openai.NotFoundError:
                return []

        return [name for _, name in sorted(self._service.read(look))]

    def words(self, text: str) -> str:
        """The service's text, fit to be shown."""
        return scrubbed(text, self._service.connection.credential.secrets)
