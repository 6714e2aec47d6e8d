"""What cannot be trained is refused before anything exists at the service."""

import pytest

from resources.training.base import TrainingData, TrainingRejected


def test_a_sound_specification_passes_and_leaves_nothing_behind(bench) -> None:
    bench.trainer().preflight(bench.spec, bench.data)
    quote = bench.trainer().quote(bench.spec, bench.data)
    assert quote.basis
    assert (bench.jobs(), bench.uploads()) == ([], [])


@pytest.mark.parametrize("what", ["too few rows", "too long a row", "unknown hyperparameter"])
def test_what_the_service_would_refuse_is_refused_before(bench, what) -> None:
    bench.require(what)
    spec, data = bench.bad(what)
    with pytest.raises(TrainingRejected) as refused:
        bench.trainer().preflight(spec, data)
    assert str(refused.value).strip()
    assert (bench.jobs(), bench.uploads()) == ([], [])


def test_everything_that_is_wrong_is_said_at_once(bench) -> None:
    spec, _ = bench.bad("unknown hyperparameter")
    _, data = bench.bad("too few rows")
    with pytest.raises(TrainingRejected) as refused:
        bench.trainer().preflight(spec, data)
    assert "warmth" in str(refused.value)
    assert "rows" in str(refused.value)


def test_a_dataset_without_rows_is_refused(bench) -> None:
    with pytest.raises(TrainingRejected):
        bench.trainer().preflight(bench.spec, TrainingData((), (), {}))
