"""What libraries would report of their own accord stays switched off."""

import importlib.util
import os
import subprocess
import sys

import pytest

from resources.egress.telemetry import TELEMETRY_OFF


@pytest.mark.skipif(
    not importlib.util.find_spec("onnxruntime"), reason="needs onnxruntime, which the extra layout brings"
)
def test_the_inference_of_layout_models_keeps_no_events_for_its_maker(tmp_path) -> None:
    """Left alone it fills a database in the home on import, and uploads it: no Python socket would tell."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", "import onnxruntime"], env={**shell, "HOME": str(tmp_path), **TELEMETRY_OFF}, check=True
    )
    assert list(tmp_path.rglob("*")) == []
