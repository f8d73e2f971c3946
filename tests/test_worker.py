"""The child's side: what a backend does becomes a result, whatever it is."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from toys import write_toy

from bench import worker
from bench.records import Described, Failed
from bench.worker import Job, describe, load_backend, perform
from bench.workload import workload_for


@pytest.fixture(autouse=True)
def forget_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no toy among the modules, and no folder of one in the package."""
    import backends

    monkeypatch.setattr(backends, "__path__", [*backends.__path__])
    for name in [name for name in sys.modules if name.startswith("backends.")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    before = set(sys.modules)
    yield
    for name in [name for name in set(sys.modules) - before if name.startswith("backends.")]:
        del sys.modules[name]


def failure(source: str, folder: Path, task: str = "describe") -> Failed:
    """Return how a job with this backend fails."""
    path = str(write_toy(folder, "toy", source))
    workload = workload_for("relu", "cpu", train_samples=256, test_samples=50)
    result = perform(Job(task, "toy", path, "cpu", workload), 0.0)  # type: ignore[arg-type]
    assert isinstance(result, Failed), result
    return result


def test_an_exception_is_a_failure_with_its_first_line(tmp_path: Path) -> None:
    """The rest of the message and the traceback are in the log."""
    failed = failure("raise ImportError('libtoy.so: no such file\\nhelp')", tmp_path)
    assert failed == Failed(kind="raised", reason="ImportError: libtoy.so: no such file")


def test_an_exception_without_a_message_has_a_reason_too(tmp_path: Path) -> None:
    """The name of its class has to do."""
    assert failure("raise MemoryError", tmp_path).reason == "MemoryError: without a message"


def test_a_message_that_raises_is_a_failure_too(tmp_path: Path) -> None:
    """The name of its class has to do."""
    source = "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd"
    assert failure(source, tmp_path).reason == "Odd: with a message that cannot be read"


def test_the_traceback_goes_to_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the line of the backend."""
    failure("def devices():\n    return 1 / 0\n", tmp_path)
    assert "return 1 / 0" in capsys.readouterr().err


def test_a_backend_without_a_model_fails(tmp_path: Path) -> None:
    """What the contract asks for and the module lacks is named."""
    failed = failure("def devices(): ...", tmp_path, "train")
    assert "'Model'" in failed.reason


NAN_LOSS = """
from backends.numpy import Model as Honest
class Model(Honest):
    def train(self, orders, epoch_done):
        for order in orders:
            epoch_done(float("nan"))
"""
NAN_PARAMETERS = """
from backends.numpy import Model as Honest
class Model(Honest):
    def parameters(self):
        return [type(one)(one.weight * float("nan"), one.bias) for one in super().parameters()]
"""
SHAPE = """
from backends.numpy import Model as Honest
class Model(Honest):
    def predict(self, images):
        return super().predict(images)[:-1]
"""
CHANCES = """
from backends.numpy import Model as Honest
class Model(Honest):
    def predict(self, images):
        return super().predict(images) / 10
"""
EARLY = """
from backends.numpy import Model as Honest
class Model(Honest):
    def train(self, orders, epoch_done):
        for order in orders:
            pass
"""
ONCE = """
from backends.numpy import Model as Honest
class Model(Honest):
    def train(self, orders, epoch_done):
        super().train([next(orders)], epoch_done)
"""


@pytest.mark.parametrize(
    ("task", "source", "kind", "reason"),
    [
        (
            "train",
            NAN_LOSS,
            "not finite",
            "the mean loss of an epoch is nan; expected a finite number",
        ),
        ("prove", SHAPE, "raised", "expected class indices, integers of shape"),
        ("train", SHAPE, "raised", "expected class indices, integers of shape"),
        ("train", CHANCES, "raised", "predict returned float64 of shape"),
        ("train", EARLY, "raised", "the next order was asked for before epoch_done was called"),
        ("train", ONCE, "raised", "train returned after 1 epochs; expected one for each"),
    ],
)
def test_a_model_that_breaks_the_contract_fails(
    tmp_path: Path, task: str, source: str, kind: str, reason: str
) -> None:
    """The reason says what was expected."""
    failed = failure(source, tmp_path, task)
    assert failed.kind == kind
    assert reason in failed.reason


def test_parameters_that_are_no_numbers_are_no_proof(tmp_path: Path) -> None:
    """JSON has no NaN: it must not get as far as the result."""
    failed = failure(NAN_PARAMETERS, tmp_path, "prove")
    assert failed.kind == "not finite"
    assert failed.reason.startswith("NotFinite: a parameter is not a finite number")


def test_shared_code_lies_beside_the_backend_or_with_the_shipped_ones(tmp_path: Path) -> None:
    """A backend from another folder finds both with a relative import."""
    write_toy(tmp_path, "_own", "NAME = 'own'\n")
    source = "from ._own import NAME\nfrom ._mlp import Network\n"
    module = load_backend("toy", write_toy(tmp_path, "toy", source))
    assert (module.NAME, module.Network.__module__) == ("own", "backends._mlp")


def test_a_framework_beside_it_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a backend hides is as if not installed, however it is looked for."""
    write_toy(tmp_path, "neighbour", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "neighbour", None)  # taken away afterwards
    del sys.modules["neighbour"]
    source = """
from importlib.util import find_spec
FOUND = find_spec("neighbour")
try:
    import neighbour
except ImportError as error:
    REASON = str(error)
"""
    module = load_backend("toy", write_toy(tmp_path, "toy", source), ["neighbour"])
    assert module.FOUND is None
    assert "neighbour" in module.REASON


def test_versions_are_told_as_text() -> None:
    """A framework's own version type becomes text; what it does not know stays None."""
    module = ModuleType("toy")
    module.devices = lambda: ["cpu"]  # type: ignore[attr-defined]
    module.versions = lambda: {"toy": (1, 2), "cuda": None}  # type: ignore[attr-defined]
    described = describe(module)
    assert described.versions == {"toy": "(1, 2)", "cuda": None}


@pytest.mark.parametrize("names", [(), ("cpu",), ["cpu", "cuda:0", "cuda:11"]])
def test_devices_are_names(names: Sequence[str]) -> None:
    """A list or a tuple of them; none at all is an answer, too."""
    module = ModuleType("toy")
    module.devices, module.versions = lambda: names, dict  # type: ignore[attr-defined]
    assert describe(module).devices == tuple(names)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(found, "a list of names like 'cuda:0'") for found in
     (None, 3, "cpu", [0], [""], ["cuda:x"], ["cpu\n"], ["../cpu"], ["cuda:0:1"])]
    + [(["cpu", "cpu"], "every name once")],
)  # fmt: skip
def test_devices_that_make_no_rows_are_refused(
    found: object, expected: str, tmp_path: Path
) -> None:
    """A run file with them could not be read again, or a child not be started on them."""
    source = f"def devices(): return {found!r}\ndef versions(): return {{}}"
    reason = f"TypeError: devices() returned {found!r}; expected {expected}"
    assert failure(source, tmp_path).reason == reason


def test_thread_pools_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter of a backend's own need not have threadpoolctl."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert worker._thread_pools() == ()
    module = ModuleType("toy")
    module.devices = list  # type: ignore[attr-defined]
    module.versions = dict  # type: ignore[attr-defined]
    assert describe(module) == Described((), {}, sys.version.split()[0])
