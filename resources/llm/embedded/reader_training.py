"""Training of the extractive reader on RAFT rows: which candidate answers, and when no candidate does.

Both models start at the base reader's weights and are pulled back to them, so few rows move them little. The stopping
point and the threshold are chosen on validation rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from resources.llm.embedded.features import CONFIDENCE_FEATURES, FEATURES, confidence_features
from resources.llm.embedded.reader import BASE_CONFIDENCE, BASE_THRESHOLD, BASE_WEIGHTS, WRONG_COSTS, Reader, Weights
from resources.llm.embedded.reader_examples import (
    Example,
    ReaderHyperparameters,
    Row,
    examples_of,
    is_generated,
    same_answer,
)

__all__ = ["ReaderHyperparameters", "TrainedReader", "best_threshold", "same_answer", "train_reader"]
_FINEST = 200
_SMOOTH = 10
FEWEST_TO_LEARN_FROM = 20


@dataclass(frozen=True)
class TrainedReader:
    """A fitted reader: its weights, what was measured, and (step, train loss, validation loss) of candidate scoring."""

    weights: Weights
    metrics: dict[str, float]
    curve: list[tuple[int, float, float]]


def train_reader(
    train_rows: Sequence[Row], validation_rows: Sequence[Row], hyperparameters: ReaderHyperparameters, seed: int
) -> TrainedReader:
    """A reader fitted on the train rows; its stopping point and threshold are chosen on the validation rows.

    Questions that people asked count as much for the threshold as all generated ones together, because people do not
    use the teacher's words and the reader is less sure of them. Those of the train split are judged by a reader that
    has not learned from them.
    """
    train = list(examples_of(train_rows, hyperparameters, seed))
    held = list(examples_of(validation_rows, hyperparameters, seed))
    reader, curve = _fit(train, held, hyperparameters)
    judge, calibration = reader, held
    from_teacher, from_people = _by_asker(train_rows)
    if from_people and len(from_teacher) >= FEWEST_TO_LEARN_FROM:
        judge, _ = _fit(list(examples_of(from_teacher, hyperparameters, seed)), held, hyperparameters)
        calibration = [*held, *examples_of(from_people, hyperparameters, seed)]
    threshold = _threshold(judge, calibration or train)
    weights = replace(reader.weights, threshold=threshold)
    return TrainedReader(weights, _metrics(Reader(weights), train, held), curve)


def best_threshold(reader: Reader, rows: Sequence[Row]) -> float:
    """The confidence threshold that pays best on these rows, asked as they are and with words lost."""
    return _threshold(reader, list(examples_of(rows, ReaderHyperparameters(), seed=0)))


def _fit(
    train: Sequence[Example], held: Sequence[Example], hyperparameters: ReaderHyperparameters
) -> tuple[Reader, list[tuple[int, float, float]]]:
    scoring, curve = _fit_scoring(train, held or train, hyperparameters)
    confidence = _fit_confidence(Reader(Weights(scoring, BASE_CONFIDENCE, 0.5)), train, hyperparameters)
    return Reader(Weights(scoring, confidence, 0.5)), curve


def _by_asker(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows that the teacher wrote, and those that people or third parties did."""
    return [row for row in rows if is_generated(row)], [row for row in rows if not is_generated(row)]


@dataclass(frozen=True)
class _Stack:
    """The candidates of many examples under one another; `starts` says where each example begins."""

    matrix: np.ndarray
    right: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray


def _stack(examples: Sequence[Example], hard_negatives: int) -> _Stack | None:
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
    train: Sequence[Example], held: Sequence[Example], hyperparameters: ReaderHyperparameters
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
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda weights: path.append(weights.copy()),
        options={"maxiter": hyperparameters.epochs},
    )
    losses = [(round(_loss(stack, weights)[0], 10), round(_loss(held_stack, weights)[0], 10)) for weights in path]
    curve = [(step, *pair) for step, pair in enumerate(losses)]
    best = path[min(curve, key=lambda point: (point[2], point[0]))[0]]
    return {name: round(float(value), 10) for name, value in zip(FEATURES, best, strict=True)}, curve


def _situations(reader: Reader, examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Per example the features of answering with the best candidate, and whether that would be right."""
    rows, right = [], []
    for example in examples:
        scores = reader.scores(example.scene)
        best = int(np.argmax(scores))
        situation = confidence_features(example.scene, scores, best, example.final_of)
        rows.append([1.0, *(situation[name] for name in CONFIDENCE_FEATURES)])
        right.append(_is_right(example, best))
    return np.array(rows), np.array(right, dtype=np.float64)


def _is_right(example: Example, chosen: int) -> bool:
    return example.answer is not None and same_answer(example.final_of(chosen), example.answer)


def _fit_confidence(
    reader: Reader, train: Sequence[Example], hyperparameters: ReaderHyperparameters
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


def _threshold(reader: Reader, examples: Sequence[Example]) -> float:
    """The threshold of the best mean payoff, people's questions as a whole weighing as much as generated ones; in
    the middle where several pay equally. A payoff is averaged with its neighbours': that of one cut hangs on one row."""
    parts = [
        [_outcome(reader, example) for example in examples if example.generated is generated]
        for generated in (True, False)
    ]
    if not any(parts):
        return reader.weights.threshold
    grid = [step / _FINEST for step in range(1, _FINEST)]
    exact = [sum(sum(_payoff(cut, *outcome) for outcome in part) / len(part) for part in parts if part) for cut in grid]
    payoffs = [round(float(np.mean(exact[max(0, at - _SMOOTH) : at + _SMOOTH + 1])), 9) for at in range(len(grid))]
    best = [cut for cut, payoff in zip(grid, payoffs, strict=True) if payoff == max(payoffs)]
    chosen = best[len(best) // 2]
    # People's words fit a document's less well than the teacher's: a threshold that no question of theirs has tried
    # is too daring for them, and a wrong answer is worse than none.
    return chosen if parts[1] else max(chosen, BASE_THRESHOLD)


def _outcome(reader: Reader, example: Example) -> tuple[float, bool, bool]:
    """Confidence, whether the answer would be right, whether the row can be answered at all."""
    reading = reader.judge(example.scene, example.question)
    return reading.confidence, _is_right(example, reading.candidate), example.answer is not None


def _payoff(cut: float, confidence: float, right: bool, answerable: bool) -> float:
    if confidence >= cut:
        return 1.0 if right else -WRONG_COSTS
    return 0.0 if answerable else 1.0


def _metrics(reader: Reader, train: Sequence[Example], held: Sequence[Example]) -> dict[str, float]:
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
