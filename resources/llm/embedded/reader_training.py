"""Training of the extractive reader on RAFT rows: which candidate answers, and when no candidate does.

Both models start at the base reader's weights and are pulled back to them, so few rows move them little. Questions
are repeated with words dropped or replaced by words that no document knows, because the people who will ask do not
use the words of the teacher.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from resources.hashing import seeded_unit
from resources.llm.embedded import candidates as view
from resources.llm.embedded.answers import final_answer
from resources.llm.embedded.facets import terms
from resources.llm.embedded.features import CONFIDENCE_FEATURES, FEATURES, Scene, confidence_features, scene
from resources.llm.embedded.reader import BASE_CONFIDENCE, BASE_WEIGHTS, WRONG_COSTS, Reader, Weights
from resources.llm.embedded.values import values
from resources.llm.raft_text import is_refusal, language_of, parse_answer
from resources.search.tokenizer import STOP_WORDS

Row = Mapping[str, Any]
_FINEST = 200
_BARE = frozenset({"yes", "no", "是", "否"})
_PROSE = 4  # terms; shorter answers are values and must be equal
_MOSTLY = 0.7
_WORD = re.compile(r"[A-Za-z][\w'’-]*|\S")


@dataclass(frozen=True)
class ReaderHyperparameters:
    """`l2` pulls towards the base weights; `augmentations` copies of each question lose `word_dropout` of their words;
    `absent_copies` is the share of answerable rows repeated without their oracle, to be refused."""

    l2: float = 0.03
    confidence_l2: float = 0.03
    epochs: int = 60
    augmentations: int = 3
    word_dropout: float = 0.3
    hard_negatives: int = 40
    absent_copies: float = 0.3

    def __post_init__(self) -> None:
        if not (self.l2 >= 0 and self.confidence_l2 >= 0 and 0 <= self.word_dropout < 1):
            raise ValueError("l2 and confidence_l2 must be at least 0, word_dropout at least 0 and below 1")
        if self.epochs < 1 or self.augmentations < 0 or self.hard_negatives < 1:
            raise ValueError("epochs and hard_negatives must be at least 1, augmentations at least 0")


@dataclass(frozen=True)
class TrainedReader:
    """A fitted reader: its weights, what was measured, and (step, train loss, validation loss) of candidate scoring."""

    weights: Weights
    metrics: dict[str, float]
    curve: list[tuple[int, float, float]]


@dataclass(frozen=True)
class _Example:
    """A row seen by the reader: its scene, the candidates that answer it, the answer (None if it must be refused)."""

    question: str
    scene: Scene
    right: tuple[int, ...]
    answer: str | None

    def final_of(self, index: int) -> str:
        return final_answer(self.scene.candidates[index], self.scene.facets, self.question)


def train_reader(
    train_rows: Sequence[Row], validation_rows: Sequence[Row], hyperparameters: ReaderHyperparameters, seed: int
) -> TrainedReader:
    """A reader fitted on the train rows; its stopping point and threshold are chosen on the validation rows."""
    train = list(_examples(train_rows, hyperparameters, seed))
    held = list(_examples(validation_rows, hyperparameters, seed))
    scoring, curve = _fit_scoring(train, held or train, hyperparameters)
    draft = Reader(Weights(scoring, BASE_CONFIDENCE, 0.5))
    confidence = _fit_confidence(draft, train, hyperparameters)
    reader = Reader(Weights(scoring, confidence, 0.5))
    threshold = _threshold(reader, held or train)
    weights = Weights(scoring, confidence, threshold)
    return TrainedReader(weights, _metrics(Reader(weights), train, held), curve)


def best_threshold(reader: Reader, rows: Sequence[Row]) -> float:
    """The confidence threshold that pays best on these rows, asked as they are and with words lost."""
    return _threshold(reader, list(_examples(rows, ReaderHyperparameters(), seed=0)))


def same_answer(one: str, other: str) -> bool:
    """Whether two final answers say the same: equal but for case and closing marks, or prose of mostly equal terms."""
    if _plain(one) == _plain(other) or (_plain(other) in _BARE and _plain(re.split(r"[,，]", one)[0]) == _plain(other)):
        return True
    mine, theirs = Counter(terms(one)), Counter(terms(other))
    if min(mine.total(), theirs.total()) < _PROSE or {v.text for v in values(one)} != {v.text for v in values(other)}:
        return False
    return 2 * (mine & theirs).total() >= _MOSTLY * (mine.total() + theirs.total())


@lru_cache(maxsize=1 << 14)
def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[.。!！…]+$", "", text.strip())).casefold()


def _examples(rows: Sequence[Row], hyperparameters: ReaderHyperparameters, seed: int) -> Iterator[_Example]:
    for row in rows:
        for copy in range(hyperparameters.augmentations + 1):
            question = row["question"] if copy == 0 else _reworded(row["question"], hyperparameters.word_dropout, seed, copy)
            example = _example(row, question)
            if example is not None:
                yield example
        if row["oracle_present"] and seeded_unit("absent", seed, row["question"]) < hyperparameters.absent_copies:
            example = _without_oracle(row)
            if example is not None:
                yield example


def _without_oracle(row: Row) -> _Example | None:
    """The row with its oracle taken away, if it can still be read; nothing that is left may give its answer."""
    texts = [document["text"] for i, document in enumerate(row["documents"]) if i != row["oracle_index"]]
    seen = scene(texts, row["question"])
    return _Example(row["question"], seen, (), None) if seen is not None else None


def _example(row: Row, question: str) -> _Example | None:
    """The row as an example; None if there is nothing to choose from."""
    seen = scene([document["text"] for document in row["documents"]], question)
    if seen is None:
        return None
    if is_refusal(row["final_answer"]):
        return _Example(question, seen, (), None)
    return _Example(question, seen, _right(row, seen, question), row["final_answer"])


def _right(row: Row, seen: Scene, question: str) -> tuple[int, ...]:
    """The oracle's candidates that give the row's answer on the row's evidence."""
    quotes = [_squeezed(quote) for quote in parse_answer(row["target"]).quotes]
    answering = [
        index
        for index in np.flatnonzero(seen.origin == row["oracle_index"]).tolist()
        if same_answer(final_answer(seen.candidates[index], seen.facets, question), row["final_answer"])
    ]
    quoting = [index for index in answering if _overlaps(_squeezed(seen.candidates[index].quote), quotes)]
    chosen = quoting or answering
    told = set(terms(row["target"] + " " + row["question"]))
    named = [i for i in chosen if seen.candidates[i].kind != view.CELL or set(terms(seen.candidates[i].column)) <= told]
    return tuple(named or chosen)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _overlaps(quote: str, quotes: Sequence[str]) -> bool:
    return any(quote in other or other in quote for other in quotes if other)


def _reworded(question: str, dropout: float, seed: int, copy: int) -> str:
    """The question with some content words lost or replaced by unknown words; names are kept more often."""
    if language_of(question) == "zh":
        return _reworded_zh(question, dropout, seed, copy)
    words = []
    for position, word in enumerate(_WORD.findall(question)):
        chance = seeded_unit("reword", seed, copy, question, position)
        content = word[0].isalpha() and word.lower() not in STOP_WORDS and position > 1
        rate = dropout * (0.3 if word[0].isupper() else 1.0) * content
        if chance >= rate:
            words.append(word)
        elif chance < rate / 2:
            words.append(f"qz{int(chance * 1e6):x}")
    return " ".join(words)


def _reworded_zh(question: str, dropout: float, seed: int, copy: int) -> str:
    pieces = [question[start : start + 2] for start in range(0, len(question), 2)]
    kept = [p for i, p in enumerate(pieces) if i + 2 >= len(pieces) or seeded_unit("reword", seed, copy, question, i) >= dropout / 2]
    return "".join(kept)


@dataclass(frozen=True)
class _Stack:
    """The candidates of many examples under one another; `starts` says where each example begins."""

    matrix: np.ndarray
    right: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray = field(repr=False)


def _stack(examples: Sequence[_Example], hard_negatives: int) -> _Stack | None:
    base = Reader.base()
    matrices, rights, sizes = [], [], []
    for example in examples:
        if not example.right:
            continue
        ranked = np.argsort(-base.scores(example.scene), kind="stable")[:hard_negatives]
        chosen = sorted(set(ranked.tolist()) | set(example.right))
        matrices.append(example.scene.matrix[chosen])
        rights.append(np.isin(chosen, example.right))
        sizes.append(len(chosen))
    if not matrices:
        return None
    counts = np.array(sizes)
    return _Stack(np.vstack(matrices), np.concatenate(rights), np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)


def _loss(stack: _Stack, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean negative log probability that the softmax over a row's candidates gives to the right ones; its gradient."""
    scores = (stack.matrix * weights).sum(axis=1)
    everything, chances = _softmax(scores, stack)
    correct, right_chances = _softmax(np.where(stack.right, scores, -np.inf), stack)
    gradient = (stack.matrix * (chances - right_chances)[:, None]).sum(axis=0)
    return float((everything - correct).mean()), gradient / len(stack.sizes)


def _softmax(scores: np.ndarray, stack: _Stack) -> tuple[np.ndarray, np.ndarray]:
    top = np.repeat(np.maximum.reduceat(scores, stack.starts), stack.sizes)
    exponents = np.exp(scores - top)
    totals = np.add.reduceat(exponents, stack.starts)
    return np.log(totals) + top[stack.starts], exponents / np.repeat(totals, stack.sizes)


def _fit_scoring(
    train: Sequence[_Example], held: Sequence[_Example], hyperparameters: ReaderHyperparameters
) -> tuple[dict[str, float], list[tuple[int, float, float]]]:
    from scipy.optimize import minimize

    start = np.array([BASE_WEIGHTS[name] for name in FEATURES])
    stack, held_stack = _stack(train, hyperparameters.hard_negatives), _stack(held, hyperparameters.hard_negatives)
    if stack is None:
        return dict(BASE_WEIGHTS), []
    held_stack = held_stack or stack

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = _loss(stack, weights)
        away = weights - start
        return loss + hyperparameters.l2 * float((away * away).sum()), gradient + 2 * hyperparameters.l2 * away

    path = [start.copy()]
    minimize(
        objective, start, jac=True, method="L-BFGS-B", callback=lambda weights: path.append(weights.copy()),
        options={"maxiter": hyperparameters.epochs},
    )
    curve = [(step, *(round(_loss(part, w)[0], 10) for part in (stack, held_stack))) for step, w in enumerate(path)]
    best = path[min(curve, key=lambda point: (point[2], point[0]))[0]]
    return {name: round(float(value), 10) for name, value in zip(FEATURES, best, strict=True)}, curve


def _situations(reader: Reader, examples: Sequence[_Example]) -> tuple[np.ndarray, np.ndarray]:
    """Per example the features of answering with the best candidate, and whether that would be right."""
    rows, right = [], []
    for example in examples:
        scores = reader.scores(example.scene)
        best = int(np.argmax(scores))
        situation = confidence_features(example.scene, scores, best, example.final_of)
        rows.append([1.0, *(situation[name] for name in CONFIDENCE_FEATURES)])
        right.append(_is_right(example, best))
    return np.array(rows), np.array(right, dtype=np.float64)


def _is_right(example: _Example, chosen: int) -> bool:
    return example.answer is not None and same_answer(example.final_of(chosen), example.answer)


def _fit_confidence(
    reader: Reader, train: Sequence[_Example], hyperparameters: ReaderHyperparameters
) -> dict[str, float]:
    from scipy.optimize import minimize

    names = ("bias", *CONFIDENCE_FEATURES)
    start = np.array([BASE_CONFIDENCE[name] for name in names])
    if not train:
        return dict(BASE_CONFIDENCE)
    matrix, right = _situations(reader, train)

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = (matrix * weights).sum(axis=1)
        loss = np.logaddexp(0.0, scores) - right * scores
        gradient = (matrix * (1.0 / (1.0 + np.exp(-scores)) - right)[:, None]).mean(axis=0)
        away = weights - start
        return float(loss.mean() + hyperparameters.confidence_l2 * (away * away).sum()), (
            gradient + 2 * hyperparameters.confidence_l2 * away
        )

    fitted = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": hyperparameters.epochs}).x
    return {name: round(float(value), 10) for name, value in zip(names, fitted, strict=True)}


def _threshold(reader: Reader, examples: Sequence[_Example]) -> float:
    """The threshold of the best mean payoff; among equals the highest, since a wrong answer is the worst outcome."""
    outcomes = [_outcome(reader, example) for example in examples]
    if not outcomes:
        return reader.weights.threshold
    grid = [step / _FINEST for step in range(1, _FINEST)]
    return max(grid, key=lambda cut: (round(sum(_payoff(cut, *outcome) for outcome in outcomes), 6), cut))


def _outcome(reader: Reader, example: _Example) -> tuple[float, bool, bool]:
    """Confidence, whether the answer would be right, whether the row can be answered at all."""
    reading = reader.judge(example.scene, example.question)
    return reading.confidence, _is_right(example, reading.candidate), example.answer is not None


def _payoff(cut: float, confidence: float, right: bool, answerable: bool) -> float:
    if confidence >= cut:
        return 1.0 if right else -WRONG_COSTS
    return 0.0 if answerable else 1.0


def _metrics(reader: Reader, train: Sequence[_Example], held: Sequence[_Example]) -> dict[str, float]:
    metrics: dict[str, float] = {"threshold": reader.weights.threshold}
    for name, examples in (("train", train), ("validation", held)):
        outcomes = [_outcome(reader, example) for example in examples]
        answered = [(right, answerable) for sure, right, answerable in outcomes if sure >= reader.weights.threshold]
        answerable = sum(example.answer is not None for example in examples)
        right = sum(ok for ok, _ in answered)
        metrics |= {
            f"{name}_examples": float(len(examples)),
            f"{name}_right": round(right / answerable, 6) if answerable else 0.0,
            f"{name}_wrong": round((len(answered) - right) / len(examples), 6) if examples else 0.0,
            f"{name}_abstained": round(1 - len(answered) / len(examples), 6) if examples else 0.0,
        }
    return metrics
