"""The extractive reader: chooses the candidate that answers a question, or declines.

Two linear models over the features of `features.py`: one scores candidates, one turns the best candidate's situation
into a confidence that is held against a threshold. The base reader's weights are set by hand; a trained reader's
were learnt from RAFT rows. Nothing else differs between them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from resources.llm.embedded.answers import explain, final_answer, refusal
from resources.llm.embedded.features import (
    CONFIDENCE_FEATURES,
    FEATURES,
    FEATURES_VERSION,
    Scene,
    confidence_features,
    scene,
)
from resources.llm.embedded.vagueness import anyones_guess
from resources.llm.raft_text import language_of, parse_prompt

BASE_WEIGHTS: Mapping[str, float] = {
    "covered": 3.0, "covered_own": 2.5, "covered_near": 1.0, "precision": 1.0, "row_fit": 1.0, "row_lost": -3.0,
    "column_fit": 1.0, "column_lost": -4.0, "heading": 0.6, "names_own": 0.6, "names_missing": -2.0, "document": 0.8,
    "document_lost": -1.5, "expected": 2.0, "number_hit": 0.6, "number_missing": -0.8, "pairs": 1.0, "elsewhere": -1.5,
    "is_cell": 0.2, "is_item": -0.1, "definition_asked": 1.6, "list_asked": 1.2, "list_unasked": -1.2,
    "is_definition": -0.1, "length": -0.2, "echo": -1.5, "unavailable": 0.0, "counted": 0.8, "one_of_many": -0.8,
    "intro_fit": 1.5, "limit": 1.0, "limit_untold": 0.0, "span": 1.0, "span_missing": -0.5, "cost_untold": -0.5,
    "label_missing": -1.0,
}  # fmt: skip
BASE_CONFIDENCE: Mapping[str, float] = {
    "bias": -4.5, "lead": 3.0, "covered": 4.0, "covered_own": 2.0, "nowhere": -3.5, "names_nowhere": -2.0,
    "elsewhere": -3.0, "names_missing": -4.0, "expected": 2.0, "row_fit": 1.0, "number_missing": -1.0,
    "one_of_many": -6.0, "pairs": 0.5, "valueless": -3.0, "undefined": -3.0, "echo": -3.0, "open": -1.5, "limit": 1.0,
    "limit_untold": -2.0, "span_missing": -4.0, "cost_untold": -3.0, "label_missing": -2.0,
}  # fmt: skip
BASE_THRESHOLD = 0.7
WRONG_COSTS = 1.0
"""What a wrong answer costs where a right one or a rightful refusal earns 1 and a needless refusal nothing: the utility
that the evaluation measures."""


@dataclass(frozen=True)
class Reading:
    """What the reader made of a question: the best candidate's place and answer, and how sure it is."""

    document: int
    candidate: int
    final: str
    confidence: float
    scene: Scene


@dataclass(frozen=True)
class Weights:
    """Everything a reader is. `confidence` has a `bias` beside its features."""

    scoring: Mapping[str, float]
    confidence: Mapping[str, float]
    threshold: float
    name: str = "trained"


class Reader:
    """Answers questions from documents, with a verbatim quote, or refuses."""

    def __init__(self, weights: Weights):
        self.weights = weights
        self._scoring = np.array([weights.scoring[name] for name in FEATURES])

    @classmethod
    def base(cls, threshold: float = BASE_THRESHOLD) -> "Reader":
        """The strongest untrained reader: weights set by hand; only its threshold is chosen, on validation rows."""
        return cls(Weights(BASE_WEIGHTS, BASE_CONFIDENCE, threshold, "base"))

    @classmethod
    def from_weights(cls, weights: Weights) -> "Reader":
        return cls(weights)

    @classmethod
    def from_json(cls, text: str) -> "Reader":
        """A reader from `to_json`; raises ValueError if the text is of another version or incomplete."""
        stored = json.loads(text)
        if stored.get("version") != FEATURES_VERSION:
            raise ValueError(
                f"reader weights of version {stored.get('version')!r}, this code reads {FEATURES_VERSION!r}"
            )
        scoring, confidence = stored["scoring"], stored["confidence"]
        if set(scoring) != set(FEATURES) or set(confidence) != {"bias", *CONFIDENCE_FEATURES}:
            raise ValueError("reader weights do not name this version's features")
        return cls(Weights(scoring, confidence, float(stored["threshold"]), stored["name"]))

    def to_json(self) -> str:
        weights = self.weights
        return json.dumps(
            {
                "version": FEATURES_VERSION,
                "name": weights.name,
                "threshold": round(weights.threshold, 10),
                "scoring": {name: round(float(weights.scoring[name]), 10) for name in FEATURES},
                "confidence": {
                    name: round(float(weights.confidence[name]), 10) for name in ("bias", *CONFIDENCE_FEATURES)
                },
            },
            indent=1,
        )

    def read(self, documents: Sequence[str], question: str) -> Reading | None:
        """The best candidate, whatever the threshold; None if there is nothing to choose from."""
        seen = scene(documents, question)
        return None if seen is None else self.judge(seen, question)

    def judge(self, seen: Scene, question: str) -> Reading:
        """The best candidate of a scene."""
        scores = self.scores(seen)
        best = int(np.argmax(scores))

        def final_of(index: int) -> str:
            return final_answer(seen.candidates[index], seen.facets, question)

        situation = confidence_features(seen, scores, best, final_of)
        return Reading(int(seen.origin[best]), best, final_of(best), self._confidence(situation), seen)

    def scores(self, seen: Scene) -> np.ndarray:
        """One score per candidate, rounded so that ties break by position on every machine."""
        return np.round((seen.matrix * self._scoring).sum(axis=1), 9)

    def _confidence(self, situation: Mapping[str, float]) -> float:
        weights = self.weights.confidence
        total = weights["bias"] + sum(weights[name] * situation[name] for name in CONFIDENCE_FEATURES)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))

    def answer(self, documents: Sequence[str], question: str) -> str:
        """The full answer: reasoning with quotes and the tagged final answer, or a refusal in the question's language."""
        reading = self.read(documents, question) if documents else None
        if reading is None or reading.confidence < self.weights.threshold or self._is_guess(reading, question):
            return refusal(language_of(question))
        return explain(reading.scene.candidates[reading.candidate], reading.scene.facets, reading.final)

    def _is_guess(self, reading: Reading, question: str) -> bool:
        seen = reading.scene
        return anyones_guess(
            seen,
            self.scores(seen),
            reading.candidate,
            lambda index: final_answer(seen.candidates[index], seen.facets, question),
        )

    def complete(self, prompt: str) -> str:
        """The answer to a user message of `raft_text.render_prompt`; without documents it refuses."""
        documents, question = parse_prompt(prompt)
        return self.answer(documents, question)

    def with_threshold(self, rows: Sequence[Mapping[str, Any]]) -> "Reader":
        """This reader with the threshold that pays best on validation rows."""
        from resources.llm.embedded.reader_training import best_threshold

        return Reader(replace(self.weights, threshold=best_threshold(self, rows)))
