"""What the harness says of a model, in words: of its verification, of its trial."""

from collections.abc import Iterable

from made import make_run, make_trial

from bench.results import validity
from bench.results.records import Failed, Trained
from bench.trial import training, verification
from bench.trial.failure import failed_by
from bench.workload import CPU, Workload
from bench.workload.contract import Model


def of_verification(model: type[Model], workload: Workload) -> list[str]:
    """Return why verification does not pass; [] if it does."""
    (result,) = verification.verify(model, [workload], CPU)
    return [str(result)] if isinstance(result, Failed) else list(map(str, result.flags))


def of_trial(
    model: type[Model], workload: Workload, others: Iterable[type[Model]] = ()
) -> list[str]:
    """Return why a trial failed or its row is flagged, beside the trials of other models."""
    models = {"judged": model, **{f"other{n}": one for n, one in enumerate(others)}}
    run = make_run({name: [] for name in models}, workload, rounds=1)
    trials = [make_trial(case, 0, _trained(models[case.backend], workload)) for case in run.cases]
    judged = trials[0]
    if isinstance(judged.result, Failed):
        return [str(judged.result)]
    flags = validity.flags(run.__replace__(trials=tuple(trials)))
    return list(map(str, flags.get(judged.case, ())))


def _trained(model: type[Model], workload: Workload) -> Trained | Failed:
    try:
        return training.train(model, workload, CPU)
    except Exception as error:
        return failed_by(error)
