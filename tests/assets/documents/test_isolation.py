"""Tasks in killable children: whatever happens to one, the caller goes on."""

import math
import operator
import os
import subprocess
import sys
import time

import pytest

from assets.documents.isolation import ChildDied, DeadlineExceeded, TaskRaised, run_isolated


def test_the_result_comes_back_and_so_does_the_exception():
    assert run_isolated(math.hypot, (3, 4), 20) == 5
    with pytest.raises(TaskRaised) as caught:
        run_isolated(operator.truediv, (1, 0), 20)
    assert caught.value.kind == "ZeroDivisionError"


def test_a_task_that_hangs_is_killed_at_its_deadline():
    run_isolated(math.sqrt, (4,), 20)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        run_isolated(time.sleep, (60,), 0.3)
    assert time.monotonic() - begun < 5
    assert run_isolated(math.sqrt, (4,), 20) == 2


def test_a_crash_is_an_error_of_that_task_alone():
    with pytest.raises(ChildDied, match="SIGABRT"):
        run_isolated(os.abort, (), 20)
    assert run_isolated(math.sqrt, (9,), 20) == 3


def test_memory_is_limited():
    with pytest.raises(TaskRaised, match="MemoryError"):
        run_isolated(bytearray, (3 << 30,), 20, memory_bytes=2 << 30)


def test_every_task_has_a_process_of_its_own():
    assert len({os.getpid(), run_isolated(os.getpid, (), 20), run_isolated(os.getpid, (), 20)}) == 3


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import math\nfrom assets.documents.isolation import run_isolated\n"
        "print('started', run_isolated(math.sqrt, (16,), 20))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "started 4.0\n"
