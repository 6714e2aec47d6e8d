"""Tasks in killable children: whatever happens to one, the caller goes on."""

import math
import operator
import os
import subprocess
import sys
import time

import pytest

from assets.documents import isolation
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


def test_a_killed_task_leaves_its_server_warm():
    server = run_isolated(os.getppid, (), 20)
    with pytest.raises(DeadlineExceeded):
        run_isolated(time.sleep, (60,), 0.3)
    assert run_isolated(os.getppid, (), 20) == server


def test_a_task_that_works_without_getting_on_is_killed_long_before_its_deadline():
    with pytest.raises(DeadlineExceeded, match="did not get on for 1 s of CPU"):
        run_isolated(exec, ("while True: pass",), 600, patience=1)


def test_a_task_that_gets_on_or_waits_has_all_its_time():
    work = "import time, assets.documents.nursery as n\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\n"
    run_isolated(exec, (work + "n.getting_on(); end += 0.6; time.sleep(1.2)\n" + work,), 600, patience=1)
    with pytest.raises(DeadlineExceeded, match="took longer than 1 s"):
        run_isolated(
            exec, ("import time, assets.documents.nursery as n\nwhile True: time.sleep(0.1), n.getting_on()",), 1
        )


def test_a_server_that_stops_answering_is_replaced(monkeypatch):
    monkeypatch.setattr(isolation, "_GRACE_SECONDS", 0.2)
    server = run_isolated(os.getppid, (), 20)
    with pytest.raises(DeadlineExceeded):
        run_isolated(os.system, (f"kill -STOP {server}; sleep 60",), 0.3)
    assert run_isolated(os.getppid, (), 20) != server


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
