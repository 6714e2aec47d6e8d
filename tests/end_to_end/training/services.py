"""Both clouds as their emulators, and what of ours each of them has."""

import os
from dataclasses import dataclass
from typing import Any

HOSTED = ("azure_openai", "sagemaker_jumpstart")


@dataclass(frozen=True)
class Services:
    """Both emulators, and what of ours each of them has."""

    azure: Any
    sagemaker: Any

    def jobs(self, backend: str) -> list[dict[str, str]]:
        """Every job there ever was: name, status, and what it made."""
        if backend == "azure_openai":
            told = self.azure.jobs()
            return [{"name": job["id"], "status": job["status"], "model": job["fine_tuned_model"]} for job in told]
        told = self.sagemaker.state()["jobs"]
        return [{"name": job["name"], "status": job["status"], "model": job["artifact"]} for job in told]

    def endpoints(self, backend: str) -> list[str]:
        if backend == "azure_openai":
            return [one["name"] for one in self.azure.deployments() if one["alive"]]
        state = self.sagemaker.state()
        return [*(one["name"] for one in state["endpoints"]), *state["configs"], *state["models"]]

    def loaded(self, backend: str) -> dict[str, list[str]]:
        """What those endpoints were told to load that are up, by the model that they are said to serve."""
        if backend == "azure_openai":
            return {one["tags"]["model_id"]: one["loaded"] for one in self.azure.deployments() if one["alive"]}
        up = self.sagemaker.state()["endpoints"]
        return {one["tags"]["raftline:model_id"]: [one["loaded"]["uri"]] for one in up}

    def cost(self, backend: str) -> float:
        return self.azure.cost_usd() if backend == "azure_openai" else self.sagemaker.cost()["endpoints"]

    def orders(self) -> list[str]:
        """Everything that was ever asked for that makes something or costs money."""
        azure = [f"{one['method']} {one['path']}" for one in self.azure.served() if one["method"] != "GET"]
        bought = ("Create", "Invoke", "S3:PUT")
        return azure + [one["operation"] for one in self.sagemaker.served() if one["operation"].startswith(bought)]

    def keep_training(self) -> None:
        """From now on jobs go on and on."""
        self.azure.configure(job_statuses=["pending", "running"])
        self.sagemaker.configure(jobs=[{"hold": "Training"}])

    def finish_training(self) -> None:
        """All jobs have succeeded by now, and later ones will when they are looked at a few times."""
        self.azure.configure(job_statuses=["pending", "running", "succeeded"])
        self.sagemaker.configure(jobs=[], advance="clock")
        self.sagemaker.advance(hours=2)
        self.sagemaker.state()
        self.sagemaker.configure(advance="polls")

    def running(self, backend: str) -> bool:
        """Whether a job is being trained."""
        return any(job["status"] in ("running", "InProgress") for job in self.jobs(backend))

    def asked(self, backend: str) -> bool:
        """Whether a student behind an endpoint was asked anything."""
        if backend == "azure_openai":
            return any(one["path"].endswith("/chat/completions") for one in self.azure.served())
        return bool(self.sagemaker.served("InvokeEndpoint"))

    def advance(self, hours: float) -> None:
        self.azure.advance(hours)
        self.sagemaker.advance(hours=hours)


def variables(services: Services) -> dict[str, str]:
    """What the shell holds for the emulators."""
    return {
        "AZURE_OPENAI_API_KEY": services.azure.key,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": f"{services.azure.url}/msi",
        "IDENTITY_HEADER": "x",
        "AWS_ACCESS_KEY_ID": "AKIAEMULATOR",
        "AWS_SECRET_ACCESS_KEY": "emulator-secret-key",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "OMP_NUM_THREADS": "1",
    }
