"""The demo with every role on the Azure OpenAI emulator, over HTTP: `make demo-azure`. No real model takes part."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".raftline-azure"
PORT = 18765
"""Fixed: the endpoint is part of every ledger key, so another port would pay for everything again."""
KEY = "emulator-key"
NOTICE = (
    "Nothing here is a real model: an emulator answers from the prompts' own text. "
    "The numbers prove that the path works, not that a model is good."
)


def settings(url: str) -> dict[str, object]:
    """raftline.yaml with every role on the emulator."""
    common = {"provider": "azure_openai", "endpoint": url, "api_key_variable": "EMULATOR_KEY"}
    small = {**common, "model": "gpt-4o-mini-2024-07-18", "deployment": "gpt-4o-mini"}
    large = {**common, "model": "gpt-4o-2024-08-06", "deployment": "gpt-4o"}
    vectors = {**common, "model": "text-embedding-3-small", "deployment": "text-embedding-3-small"}
    return {
        "home": str(HOME),
        "recipes": str(ROOT / "recipes"),
        "roles": {"transcriber": large, "contextualizer": small, "teacher": small, "judge": large, "embedder": vectors},
    }


def main() -> int:
    """Starts the emulator, runs `raftline demo` against it, and ends it. Arguments are handed to the demo."""
    HOME.mkdir(exist_ok=True)
    command = [sys.executable, str(ROOT / "tests" / "emulators" / "azure_openai"), "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            url = emulator.stdout.readline().removeprefix("listening on ").strip()
            if not url:
                return 1
            config = HOME / "raftline.yaml"
            config.write_text(yaml.safe_dump(settings(url), sort_keys=False), encoding="utf-8")
            print(f"{NOTICE}\nHome: {HOME}", flush=True)
            environment = {**os.environ, "RAFTLINE_CONFIG": str(config), "EMULATOR_KEY": KEY}
            arguments = [sys.executable, "-m", "orchestration.cli", "demo", *sys.argv[1:]]
            code = subprocess.run(arguments, env=environment, cwd=ROOT, check=False).returncode
            print(NOTICE, flush=True)
            return code
        finally:
            emulator.terminate()


if __name__ == "__main__":
    sys.exit(main())
