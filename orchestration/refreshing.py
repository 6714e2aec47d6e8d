"""A refresh as the commands tell it: what is new, what runs and why, what failed, and the verdict at the end."""

from collections.abc import Sequence

from assets.documents.readers import reader_of
from orchestration.console import counted, follow, say, say_wrapped, show_plan
from orchestration.execution import Outcome, Refresher, RunFailed
from orchestration.jobs import INGEST
from orchestration.jobs_view import show_open_jobs
from orchestration.overview import latest_report, show_problems, show_proposal
from orchestration.question_notes import show_unusable_questions
from orchestration.settings import Settings


def bring_up_to_date(settings: Settings, refresher: Refresher) -> list[Outcome]:
    """Runs what there is to do; returns the outcomes that failed."""
    fresh = refresher.scan()
    for visit in refresher.look_after_jobs():
        if visit.problem or not visit.job.open:
            say(f"training {visit.words}", "yellow" if visit.problem else "")
    plan = refresher.plan()
    for manifest in fresh:
        say(f"new batch {manifest.key}: {manifest.summary()}")
    if not plan:
        say(_nothing_to_do(settings, refresher))
    else:
        show_plan(plan)
    if any(run.job == INGEST.job for run in plan):
        reader_of(settings.extraction)  # a missing library is said before anything runs
    try:
        return [outcome for outcome in follow(refresher) if outcome.error] if plan else []
    finally:
        show_open_jobs(settings)
        show_problems(settings)
        show_unusable_questions(settings)


def admit(failed: Sequence[Outcome]) -> None:
    """Raises `RunFailed` if runs failed that did not hold up the others."""
    if failed:
        runs = counted(len(failed), "run")
        names = ", ".join(f"{outcome.run.job} {outcome.run.partition}" for outcome in failed)
        raise RunFailed(f"{runs} failed ({names}); the reasons are above, everything else went on")


def show_report(settings: Settings) -> bool:
    """Prints the latest verdict and where its report is; whether there is one."""
    found = latest_report(settings)
    if found is None:
        return False
    verdict, path = found
    say_wrapped(f"\n{verdict}")
    say(f"Report: {path}")
    show_proposal(settings)
    return True


def _nothing_to_do(settings: Settings, refresher: Refresher) -> str:
    if not refresher.has_batches():
        return _no_documents(settings)
    waiting = refresher.at_their_services()
    return "nothing to do before the training jobs end" if waiting else "everything is up to date"


def _no_documents(settings: Settings) -> str:
    place = settings.documents_place
    return f"no documents in {place}: " + ("upload some" if "://" in place else "add some with `raftline add PATH`")
