"""Training jobs as the commands show them."""

from assets.raft.recipe_files import valid_recipes
from assets.training.reporting import cost_words, moment, quote_words
from orchestration.console import say, table
from orchestration.settings import Settings
from orchestration.smoke_plan import RECIPE
from orchestration.wiring import build_resources
from resources.llm.budget import money, this_month
from resources.training.book_tables import Job


def show_jobs(settings: Settings, limit: int) -> None:
    """A table of the newest jobs, and what training costs this month."""
    with build_resources(settings)["trainers"].book() as book:
        jobs, spent = book.history(limit), book.spent(this_month())
    if not jobs:
        say("no training job yet")
        return
    table(
        ("recipe", "backend", "job", "status", "the service says", "since", "cost"),
        [
            (
                job.recipe,
                job.backend,
                job.name,
                _status(job),
                job.said,
                moment(job.submitted_at or job.booked_at),
                f"expected {quote_words(job.quote)}" if job.open else cost_words(job.cost),
            )
            for job in jobs
        ],
    )
    say(f"{money(spent)} for training this month (UTC), what is expected of open jobs included")


def show_open_jobs(settings: Settings) -> None:
    """A line for every job that is not over, for whoever wonders where a model is."""
    recipes = {RECIPE, *valid_recipes(settings.recipes_folder)}
    with build_resources(settings)["trainers"].book() as book:
        jobs = book.open_jobs()
    for job in jobs:
        since = moment(job.submitted_at or job.booked_at)
        said = job.said or _status(job)
        unwanted = recipes.isdisjoint(job.wanted_by)
        hint = f"; its recipe is gone: `raftline jobs cancel {job.recipe}` ends it" if unwanted else ""
        say(f"training {job.recipe}: {job.backend} job {job.name} since {since}: {said}{hint}", "yellow")


def _status(job: Job) -> str:
    asked = {"superseded": "superseded", "deadline": "ending: past its deadline", "cancelled": "being cancelled"}
    return asked.get(job.ending, "waiting" if job.handle is None else job.status) if job.open else job.status
