"""The smoke test of a training backend: one small job, its model deployed, asked and taken down, step by step, with the bill.

It goes through the code and the books of the assets, so that whatever a kill leaves behind is found by the next test, the
training sensor and the sweeper.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from assets.training.preflight import Purse, over_budget
from assets.training.reporting import cost_words
from orchestration.smoke_bill import Bill
from orchestration.smoke_leftovers import delete_useless, leftover_lines
from orchestration.smoke_plan import RECIPE, SmokePlan, lifetime
from orchestration.smoke_rows import DOCUMENTS, QUESTION, answer_words
from resources.errors import RaftlineError, SettingsError
from resources.llm.budget import this_month
from resources.llm.raft_text import INSTRUCTION, render_prompt
from resources.llm.request import chat
from resources.llm.resource import ModelsResource
from resources.packages import lock_hash
from resources.training.base import (
    SUCCEEDED,
    Artifact,
    CapacityLacking,
    JobEvent,
    Quote,
    TrainingFailed,
    TrainingRejected,
    TrainingUnreachable,
)
from resources.training.book import Order, TrainingBook
from resources.training.book_tables import Job
from resources.training.endpoints import utc_now
from resources.training.placing import place
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, DeploymentFailed, EndpointHandle, StudentModel
from resources.training.spent import spent_besides_calls
from resources.training.watching import JobWatch, words_of

STEPS = ("preflight", "training", "endpoint", "weights", "answer", "teardown", "leftovers")
"""What is verified, in this order."""

_PARAMETERS = (("max_tokens", 200), ("temperature", 0.0))
_WHOLE = ("stop", "length")
_HEARTBEAT = 60.0
_ADVICE: tuple[tuple[type[RaftlineError], str], ...] = (
    (SettingsError, "correct what it names, then run this again"),
    (TrainingUnreachable, "nothing is lost: run this again when the service can be asked, it goes on with what is there"),
    (CapacityLacking, "there is no room now: run this again later, it goes on with what is there"),
    (TrainingRejected, "correct what it names (role, region, quota, licence, model), then run this again"),
    (TrainingFailed, "the service said why; the next smoke test trains a new job"),
    (DeploymentFailed, "correct what it names (role, quota, SKU or instance type), then run this again: the model is "
     "trained and is not paid for again"),
)  # fmt: skip

Tell = Callable[[str, str], None]
"""Shows a line in a style: empty, `dim`, `green`, `yellow` or `red`."""


class SmokeFailed(RaftlineError):
    """A step that did not work; its words were told already."""


@dataclass
class SmokeTest:
    """One smoke test as it runs. `clock` and `sleep` are given by tests."""

    plan: SmokePlan
    trainers: TrainersResource
    models: ModelsResource
    tell: Tell
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    verified: list[str] = field(default_factory=list)
    not_real: str = ""
    bill: Bill = field(default_factory=Bill)
    _silent: float = 0.0

    def run(self) -> bool:
        """Whether everything worked. Whatever happens, the endpoint is taken down and the bill is told."""
        try:
            with self.trainers.book() as book:
                try:
                    job, artifact = self._train(book)
                    self._serve(book, job, artifact)
                    self._tidy_up(job)
                    book.tell(job)
                except SmokeFailed:
                    delete_useless(self.trainers, book.last(self.plan.spec.idem()), self.tell)
                    return False
        finally:
            for line in self.bill.lines(self.not_real):
                self.tell(line, "")
            missing = [step for step in STEPS if step not in self.verified]
            self.tell(f"verified: {', '.join(self.verified) or 'nothing'}", "green" if not missing else "")
            if missing:
                self.tell(f"not verified: {', '.join(missing)}", "red")
                for line in leftover_lines(self.trainers, self.plan.backend):
                    self.tell(line, "yellow")
        return True

    def _train(self, book: TrainingBook) -> tuple[Job, Artifact]:
        plan, trainer = self.plan, self.trainers.get(self.plan.backend)
        watch = JobWatch(trainer, book, self.trainers.options.jobs, self._event, self._wait)
        with self._step("preflight") as told:
            self._preflight()
            told.append(f"{len(plan.data.train)} rows, {plan.spec.base_model}, permissions and settings")
        with self._step("training") as told:
            tags = {"owner": watch.options.owner, "run": plan.run_id}
            tags |= {"eula_accepted_by": plan.eula_by} if plan.eula_by else {}
            order = Order(RECIPE, plan.run_id, lock_hash())
            placed = place(watch, plan.spec, plan.data, order, tags, lambda: self._afforded(book))
            self.tell(f"  job {placed.job.name}{', which was there already' if placed.adopted else ''}", "dim")
            job = watch.follow(placed.job, lambda: False)
            self.bill.training = cost_words(job.cost)
            artifact = self._outcome(watch, job)
            self.not_real = trainer.not_real() or artifact.provenance.get("not_real", "")
            told.append(f"job {job.name} made {artifact.location}")
        return job, artifact

    def _outcome(self, watch: JobWatch, job: Job) -> Artifact:
        """The model of a job that is over; any other end is told once."""
        if job.status != SUCCEEDED or job.handle is None:
            again = watch.book.last(watch.book.tell(job).idem)
            raise (CapacityLacking if again and again.open else TrainingFailed)(words_of(job))
        try:
            return watch.trainer.artifact(job.handle)
        except TrainingFailed:
            watch.book.tell(job)
            raise

    def _preflight(self) -> None:
        try:
            self.trainers.get(self.plan.backend).preflight(self.plan.spec, self.plan.data)
        except TrainingRejected as refusal:
            asked = "training.options.accept_eula" in str(refusal)
            more = "\nthe smoke test is told so by --accept-eula WHO" if asked else ""
            raise TrainingRejected(f"{refusal}{more}") from refusal

    def _afforded(self, book: TrainingBook) -> Quote:
        """What a new job is expected to cost. Raises `TrainingRejected` if the budget does not allow it."""
        plan, month = self.plan, this_month()
        in_month = book.ledger.spent(month=month) + spent_besides_calls(book.ledger, month, plan.spec.idem())
        purse = Purse(self.models.budget, book.ledger.spent(run_id=plan.run_id), in_month)
        faults = over_budget(plan.quote, self.trainers.get(plan.backend), purse)
        if faults:
            raise TrainingRejected("\n".join(faults))
        return plan.quote

    def _serve(self, book: TrainingBook, job: Job, artifact: Artifact) -> None:
        student = StudentModel(
            job.backend, job.spec.base_model, job.idem, artifact.location, artifact.files, artifact.provenance
        )
        run_id = self.plan.run_id
        endpoints = Endpoints(self.trainers, run_id, lambda text: self.tell(text, "yellow"), self.clock, self._wait)
        endpoint: EndpointHandle | None = None
        try:
            with self._step("endpoint") as told:
                endpoint = endpoints.begin(student, "smoke", self.clock() + lifetime(self.trainers))
                self.tell(f"  {endpoint.name or 'no endpoint: it answers here'}", "dim")
                endpoints.wait_ready(endpoint)
                told.append(f"{endpoint.name} is up" if endpoint.name else "none is needed")
            with self._step("weights") as told:
                target, words = self._target(endpoint, student)
                told.append(words)
            with self._step("answer") as told:
                told.append(self._ask(target))
        finally:
            try:
                if endpoint is not None:
                    with self._step("teardown") as told:
                        told.append(self._gone(endpoint, endpoints.end(endpoint)))
            finally:
                self.bill.add_endpoints(endpoints, self.clock())
                endpoints.close()

    def _target(self, endpoint: EndpointHandle, student: StudentModel) -> tuple[ChatTarget, str]:
        """The student behind the endpoint, once the service says that it has loaded just what the job made."""
        deployer = self.trainers.deployer(endpoint.backend)
        target = deployer.target(endpoint, student, self.plan.data)
        loaded = deployer.loaded(endpoint)
        if loaded and loaded.rstrip("/") != student.location.rstrip("/"):
            raise DeploymentFailed(f"{endpoint.name} has loaded {loaded}, and the job made {student.location}")
        here = f"{len(student.files)} files have the hashes that the job recorded"
        return target, f"the service says that it has loaded {loaded}" if loaded else here

    def _ask(self, target: ChatTarget) -> str:
        with self.models.open(self.plan.run_id) as opened:
            student = opened.target(target.provider, _PARAMETERS, target.price)
            # The time keeps the ledger from answering for an endpoint that went on after an interruption.
            version = f"smoke {self.plan.run_id} {self.clock().isoformat()}"
            [said] = student.complete([student.request(chat(INSTRUCTION, render_prompt(DOCUMENTS, QUESTION)), version)])
        self.bill.add_question(said, target.price)
        if said.failure or said.finish_reason not in _WHOLE or not said.text.strip():
            raise DeploymentFailed(f"its answer is of no use: {said.failure or said.finish_reason or 'it is empty'}")
        self.not_real = self.not_real or ("" if said.real else "what answered is no real model")
        return answer_words(said)

    def _gone(self, endpoint: EndpointHandle, gone: bool) -> str:
        if not gone:
            raise DeploymentFailed(
                f"{endpoint.name} is not gone yet, and may cost money until it is; it is booked: the sweeper, or "
                "`raftline endpoints --sweep`, tries again"
            )
        return f"{endpoint.name} is gone" if endpoint.name else "nothing was up"

    def _tidy_up(self, job: Job) -> None:
        with self._step("leftovers") as told:
            removed = self.trainers.get(job.backend).discard(job.handle) if job.handle else ()
            told.append(f"deleted {', '.join(removed)}" if removed else "nothing was uploaded that could be deleted")

    @contextmanager
    def _step(self, name: str) -> Generator[list[str]]:
        """A step that is told when it is over. Raises `SmokeFailed` after the service's own words and what to do."""
        told: list[str] = []
        try:
            yield told
        except SmokeFailed:
            raise
        except RaftlineError as error:
            self.tell(f"FAILED {name}: {error}", "red")
            advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), "")
            if advice:
                self.tell(f"  what to do: {advice}", "yellow")
            raise SmokeFailed(str(error)) from error
        self.verified.append(name)
        self.tell(f"ok {name}: {'; '.join(told)}", "green")

    def _event(self, event: JobEvent) -> None:
        self._silent = 0.0
        self.tell(f"  {event.message}", "yellow" if event.level != "info" else "dim")

    def _wait(self, seconds: float) -> None:
        """Sleeps, and says so now and then."""
        self._silent += seconds
        if self._silent >= _HEARTBEAT:
            self._silent = 0.0
            self.tell(f"  {self.clock():%H:%M} UTC: waiting", "dim")
        self.sleep(seconds)
