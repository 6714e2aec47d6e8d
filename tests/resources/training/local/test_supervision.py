"""One process per job, whatever happens to it. None of these gets as far as PyTorch."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.errors import SettingsError
from resources.training.base import TrainingData, TrainingRejected
from resources.training.local.job import BUSY


def test_importing_the_backend_imports_nothing_heavy(root) -> None:
    program = (
        "import sys\n"
        "from resources.training.resource import TrainersResource\n"
        "trainers = TrainersResource(folder='unused')\n"
        "trainers.get('local'), trainers.deployer('local')\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    heavy = ("torch", "transformers", "trl", "peft", "datasets", "tokenizers", "huggingface_hub", "httpx2", "openai")
    assert [name for name in heavy if f"'{name}'" in done.stdout] == []


def test_a_job_survives_the_process_that_submitted_it(jobs, capitals, root, tiny_base) -> None:
    spec = jobs.spec(max_steps=100_000)
    program = (
        "import sys\n"
        "from resources.training.base import TrainingData, TrainingSpec\n"
        "from resources.training.local.options import LocalTrainerOptions\n"
        "from resources.training.local.trainer import LocalTrainer\n"
        "import json\n"
        "folder, bases, given, rows = sys.argv[1:]\n"
        "given = json.loads(given)\n"
        "spec = TrainingSpec('local', 'tiny', 'dataset-1', tuple(sorted(given.items())), seed=7)\n"
        "trainer = LocalTrainer(folder=folder, options=LocalTrainerOptions(models_folder=bases))\n"
        "print(trainer.submit(spec, TrainingData((), (), {'train.jsonl': rows.encode()}), {}).to_json())\n"
    )
    given, rows = json.dumps(dict(spec.hyperparameters)), capitals.files["train.jsonl"].decode()
    subprocess.run(
        [sys.executable, "-c", program, str(jobs.folder), str(tiny_base), given, rows],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    handle = jobs.trainer().find(spec)
    assert handle is not None
    assert handle.job_id == spec.idem()
    [pid] = jobs.processes(handle)
    assert os.getsid(pid) == pid, "a session of its own"


def test_submits_at_once_start_one_process(jobs, capitals) -> None:
    spec = jobs.spec(max_steps=100_000)
    with ThreadPoolExecutor(4) as pool:
        handles = list(pool.map(lambda _: jobs.trainer().submit(spec, capitals, {}), range(4)))
    assert handles == [handles[0]] * 4
    status = jobs.job(handles[0]).status()
    assert status is not None
    assert (status.launches, [status.pid]) == (1, jobs.processes(handles[0]))


def test_a_second_process_on_a_job_leaves_it_alone(jobs, capitals, root) -> None:
    handle = jobs.trainer().submit(jobs.spec(max_steps=100_000), capitals, {})
    job = jobs.job(handle)
    before = job.status()
    command = [sys.executable, "-m", "resources.training.local.job", str(job.path)]
    assert subprocess.run(command, cwd=root, check=False).returncode == BUSY
    after = job.status()
    assert before is not None
    assert after is not None
    assert (before.pid, after.phase) == (after.pid, "running")


def test_a_dead_process_is_replaced_by_whoever_polls_so_often_and_no_more(jobs, capitals) -> None:
    trainer = jobs.trainer(restarts=1)
    spec = jobs.spec(max_steps=100_000)
    handle = trainer.submit(spec, capitals, {})
    jobs.kill(handle)
    assert trainer.find(spec) is None
    assert trainer.poll(handle).phase == "running"
    assert len(jobs.processes(handle)) == 1
    jobs.kill(handle)
    state = trainer.poll(handle)
    assert (state.phase, jobs.processes(handle)) == ("failed", [])
    assert "died at step 0 of 0, and 1 times before" in state.message
    told, cursor = trainer.events(handle, "")
    assert [event.level for event in told] == ["warning", "error"]
    assert trainer.events(handle, cursor) == ([], cursor)


def test_a_job_that_was_cancelled_before_it_began_is_over_at_once(jobs, capitals) -> None:
    trainer = jobs.trainer()
    handle = trainer.submit(jobs.spec(), capitals, {})
    jobs.kill(handle)
    trainer.cancel(handle)
    assert trainer.poll(handle).phase == "cancelled"
    assert jobs.processes(handle) == []
    trainer.cancel(handle)
    assert trainer.poll(handle).phase == "cancelled"


def test_a_job_that_is_cancelled_while_it_loads_ends_soon(jobs, capitals) -> None:
    trainer = jobs.trainer()
    handle = trainer.submit(jobs.spec(), capitals, {})
    trainer.cancel(handle)
    assert jobs.wait(handle).phase == "cancelled"
    again = trainer.submit(jobs.spec(), capitals, {})
    assert trainer.poll(again).phase == "running", "a cancelled job does not count"


def test_a_machine_that_goes_down_leaves_the_job_to_be_resumed(jobs, capitals) -> None:
    trainer = jobs.trainer()
    handle = trainer.submit(jobs.spec(max_steps=100_000), capitals, {})
    [pid] = jobs.processes(handle)
    os.kill(pid, signal.SIGTERM)
    while jobs.processes(handle):
        time.sleep(0.01)
    left = jobs.job(handle).status()
    assert left is not None
    assert left.phase == "running"
    assert trainer.poll(handle).phase == "running"
    assert len(jobs.processes(handle)) == 1


def test_a_process_that_died_after_the_work_was_done_has_done_it(jobs, capitals) -> None:
    trainer = jobs.trainer()
    handle = trainer.submit(jobs.spec(), capitals, {})
    jobs.kill(handle)
    jobs.job(handle).write_manifest({"files": {}, "metrics": {}, "curve": [], "provenance": {}})
    assert jobs.wait(handle).phase == "succeeded"
    assert not jobs.job(handle).data.exists()


def test_a_job_that_takes_too_long_is_failed(jobs, capitals) -> None:
    trainer = jobs.trainer(max_hours=0.3 / 3600)
    handle = trainer.submit(jobs.spec(), capitals, {})
    state = jobs.wait(handle)
    assert state.phase == "failed"
    assert "trainers.local.max_hours" in state.message
    assert state.cost is not None
    assert state.cost.unit == "seconds"


def test_a_job_learns_no_secret_of_its_environment(jobs, capitals, monkeypatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "planted-secret")
    monkeypatch.setenv("HF_TOKEN", "planted-token")
    handle = jobs.trainer().submit(jobs.spec(), capitals, {"owner": "tests"})
    [pid] = jobs.processes(handle)
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"planted" not in environment
    assert b"HF_HUB_OFFLINE=1" in environment
    written = b"".join(path.read_bytes() for path in jobs.job(handle).path.rglob("*") if path.is_file())
    assert b"planted" not in written


def test_what_is_written_is_for_this_user_alone(jobs, capitals) -> None:
    handle = jobs.trainer().submit(jobs.spec(), capitals, {})
    assert jobs.job(handle).path.stat().st_mode & 0o077 == 0


def test_data_that_was_changed_after_the_submission_fails_the_job(jobs, capitals) -> None:
    trainer = jobs.trainer()
    handle = trainer.submit(jobs.spec(), capitals, {})
    jobs.kill(handle)
    (jobs.job(handle).data / "train.jsonl").write_bytes(b"{}\n")
    state = jobs.wait(handle)
    assert state.phase == "failed"
    assert "train.jsonl of this job was changed" in state.message


def test_a_job_that_nobody_submitted_is_failed(jobs, capitals) -> None:
    handle = jobs.trainer().submit(jobs.spec(), capitals, {})
    unknown = type(handle)("local", "0" * 16, "0" * 16)
    assert jobs.trainer().poll(unknown).phase == "failed"
    assert jobs.trainer().find(jobs.spec(lora_r=2)) is None


def test_without_files_there_is_nothing_to_train_on(jobs) -> None:
    with pytest.raises(TrainingRejected, match=r"no train\.jsonl"):
        jobs.trainer().submit(jobs.spec(), TrainingData(({"row_id": "r1"},), ()), {})


def test_it_wants_chat_rows_and_has_no_options(jobs) -> None:
    assert jobs.trainer().data_format({}) == "chat"
    with pytest.raises(SettingsError, match="none, not method"):
        jobs.trainer().data_format({"method": "dpo"})


def test_an_hour_of_the_machine_has_its_price(jobs, capitals) -> None:
    quote = jobs.trainer(usd_per_hour=3.6).quote(jobs.spec(), capitals)
    assert quote.seconds is not None
    assert quote.usd == pytest.approx(quote.seconds / 1000)
    assert jobs.trainer().quote(jobs.spec(), capitals).usd is None
    assert jobs.trainer().quote(jobs.spec(base_model="gone"), capitals).seconds is None
