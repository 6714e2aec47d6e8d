"""Where a student comes from: base, data, code, packages, teacher, terms and files, as one JSON text of its row."""

from collections.abc import Sequence

from assets.raft.recipes import TermsRecipe
from resources.hashing import canonical_json
from resources.training.base import Artifact, TrainingSpec


def provenance(
    spec: TrainingSpec, artifact: Artifact, lock: str, teachers: Sequence[str], terms: TermsRecipe, withheld: int
) -> str:
    """Everything needed to say what a model was made of, by whom and under which terms.

    `service` is what the service tells of it, and what its deployment needs to know. `lock` names the installed packages.
    """
    return canonical_json(
        {
            "base": spec.base_model,
            "base_revision": artifact.provenance.get("base_revision", ""),
            "parent": spec.parent,
            "dataset_version": spec.dataset_version,
            "upload": spec.upload,
            "rows_withheld": withheld,
            "code_version": spec.code_version,
            "lock": lock,
            "artifact": {"location": artifact.location, "files": dict(artifact.files)},
            "service": dict(artifact.provenance),
            "teachers": list(teachers),
            "terms": {name: value for name, value in terms.model_dump().items() if value},
        }
    )
