"""Progress of an in-process run: a listener hears which steps start and end, and only while it listens."""

import dagster as dg

from orchestration.progress import PROGRESS_ONLY, listening, progress_logger


@dg.asset
def good() -> None: ...


@dg.asset(deps=[good])
def bad() -> None:
    raise ValueError("broken")


def run() -> None:
    defs = dg.Definitions(
        [good, bad], jobs=[dg.define_asset_job("both", [good, bad])], loggers={"progress": progress_logger}
    )
    defs.resolve_job_def("both").execute_in_process(run_config=PROGRESS_ONLY, raise_on_error=False)


def test_a_listener_hears_every_step_and_how_it_ended() -> None:
    heard: list[tuple[str, str]] = []
    with listening(lambda step, event: heard.append((step, event))):
        run()
    assert heard == [
        ("good", "STEP_START"), ("good", "STEP_SUCCESS"), ("bad", "STEP_START"), ("bad", "STEP_FAILURE"),
    ]  # fmt: skip


def test_nobody_hears_anything_after_the_block() -> None:
    heard: list[str] = []
    with listening(lambda step, _: heard.append(step)):
        pass
    run()
    assert heard == []
