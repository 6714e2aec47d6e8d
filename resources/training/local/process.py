"""Starting a job's process: of its own session, so that it outlives whoever started it, and without anyone's secrets."""

import os
import subprocess
import sys
import time
from pathlib import Path

from resources.egress.telemetry import TELEMETRY_OFF
from resources.training.local.job_folder import JobFolder

_START_SECONDS = 30.0
_INHERITED = ("PATH", "HOME", "USER", "TMPDIR", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "XDG_CACHE_HOME")
_INHERITED_PREFIXES = ("LC_", "LANG", "LD_", "DYLD_", "CUDA", "NVIDIA_", "HSA_", "ROCR_", "OMP_", "MKL_", "PYTORCH_")
_ROOT = Path(__file__).resolve().parents[3]


def start(job: JobFolder) -> None:
    """Starts a process on a job and returns once it holds the job's lock and says so, or is over already.

    It learns nothing of this process's environment but what finding libraries and devices takes: keys stay here. It needs
    no network either, as the base is on disk by then.
    """
    with job.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "resources.training.local.job", str(job.path.resolve())],
            cwd=_ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and not _at_work(job) and time.monotonic() < deadline:
        time.sleep(0.02)


def _at_work(job: JobFolder) -> bool:
    status = job.status()
    return job.alive and status is not None and status.pid > 0


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    # Where there are several GPUs, the library would split each batch over them and measure another run.
    offline["CUDA_VISIBLE_DEVICES"] = kept.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    return {**kept, **TELEMETRY_OFF, **offline, "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
