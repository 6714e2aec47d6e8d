"""The folder of a job is read back whatever a killed process left in it."""

from pathlib import Path

import pytest

from resources.training.local.job_folder import JobFolder, JobStatus
from resources.training.local.locks import Occupied, held_here, is_held


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


def checkpoint(job: JobFolder, step: int, whole: bool = True) -> Path:
    folder = job.checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * step)
    (folder / "optimizer.pt").write_bytes(b"moments" * step)
    if whole:
        job.mark_whole(folder)
    return folder


def test_the_last_checkpoint_is_the_latest_by_step(job) -> None:
    checkpoint(job, 9)
    latest = checkpoint(job, 10)
    assert job.last_checkpoint() == latest


def test_a_checkpoint_that_was_being_written_does_not_count_and_goes(job) -> None:
    whole, torn = checkpoint(job, 9), checkpoint(job, 10, whole=False)
    assert job.last_checkpoint() == whole
    assert not torn.exists()


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"wei"), lambda path: path.unlink()])
def test_a_checkpoint_whose_files_changed_does_not_count(job, damage) -> None:
    whole = checkpoint(job, 9)
    damage(checkpoint(job, 10) / "optimizer.pt")
    assert job.last_checkpoint() == whole


def test_without_a_whole_checkpoint_there_is_none(job) -> None:
    assert job.last_checkpoint() is None
    checkpoint(job, 3, whole=False)
    assert job.last_checkpoint() is None


def test_a_step_that_was_repeated_counts_as_measured_last_and_a_torn_line_not_at_all(job) -> None:
    job.add_metrics({"step": 1, "train_loss": 3.0})
    job.add_metrics({"step": 2, "train_loss": 2.0})
    job.add_metrics({"step": 2, "validation_loss": 2.5})
    job.add_metrics({"step": 2, "train_loss": 1.9})
    with (job.path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "train_l')
    assert job.curve() == [{"step": 1, "train_loss": 3.0}, {"step": 2, "train_loss": 1.9, "validation_loss": 2.5}]


def test_a_status_is_read_back_and_one_with_news_of_a_later_version_too(job) -> None:
    assert job.status() is None
    written = job.write_status(JobStatus("running", "training", 3, 9, seconds=1.5, launches=1, pid=42))
    assert job.status() == written
    (job.path / "status.json").write_text('{"phase": "running", "mood": "fine"}')
    assert job.status() == JobStatus("running")
    (job.path / "status.json").write_text('{"phase": "runn')
    assert job.status() is None


def test_the_log_is_told_by_its_end(job) -> None:
    assert job.log_tail() == ""
    job.log.write_text("first\n" * 10_000 + "last")
    assert job.log_tail().endswith("first\nlast")
    assert len(job.log_tail()) <= 2000


def test_one_holds_the_lock_and_others_see_it(job) -> None:
    assert not is_held(job.run_lock)
    with held_here(job.run_lock, patience=0):
        assert is_held(job.run_lock)
        assert job.alive
        with pytest.raises(Occupied), held_here(job.run_lock, patience=0.05):
            pass
    assert not is_held(job.run_lock)
    assert not job.alive
