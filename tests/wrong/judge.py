"""What the harness says of a model, in words: of its proof, of its trial."""

import inspect
from types import ModuleType

from made import make_cell, make_proof

from bench import checks, proof, trial
from bench.contract import Model
from bench.workload import Workload
from wrong.plain import Plain


def models(module: ModuleType) -> dict[str, type[Plain]]:
    """Return the models that a module defines, by name."""
    return {
        name: model
        for name, model in vars(module).items()
        if inspect.isclass(model) and model.__module__ == module.__name__
    }


def of_proof(model: type[Model], workload: Workload) -> str | None:
    """Return why a model counts as unproven; None if its proof holds."""
    try:
        result = proof.prove(model, workload, "cpu")
    except Exception as error:  # the worker makes a failed proof of whatever is raised
        return f"{type(error).__name__}: {error}"
    return checks.proof_mistake(make_proof(make_cell(), result))


def of_trial(model: type[Model], workload: Workload) -> str | None:
    """Return why a trial failed or marks its row; None if it is believed."""
    try:
        result = trial.train(
            model, workload, "cpu", round_number=0, start_seconds=0, import_seconds=0
        )
    except Exception as error:  # the worker makes a failed trial of whatever is raised
        return f"{type(error).__name__}: {error}"
    return "; ".join(checks.trial_mistakes(result, on_cpu=True)) or None
