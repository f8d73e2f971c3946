"""Try a fleet of three hosts in network namespaces of their own, and let things go wrong.

`python -m tests.benchmarks.fleet_namespaces`, as root on Linux with iproute2; about half an
hour, with `--kills 3` ten minutes. Prints what held: never a second measurement, never a hang, no
finished result lost.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil

from bench import ROOT, __version__
from bench.results.fleets import Fleet, read_fleet
from bench.results.records import Trained
from bench.results.store import read_run

BRIDGE, HOME, PORT = "mlpbench0", "10.77.0.1", 8786
RUN = ["--backend", "numpy", "--epochs", "2", "--rounds", "3", "--train-samples", "512",
       "--test-samples", "200"]  # fmt: skip
TRIALS = 3
WORKER = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--resources", "machine=1"]
MOST_SECONDS = 60.0  # from a fault to the end of the command


def sh(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Host:
    """One host: a network namespace with a worker, whose /tmp and state are its own."""

    def __init__(self, number: int, folder: Path, source: Path = ROOT) -> None:
        self.name, self.link = f"mlph{number}", f"mlpv{number}"
        self.state = folder / self.name
        self.address = f"10.77.0.{10 + number}"
        self.source = source
        self.worker: subprocess.Popen[bytes] | None = None
        sh("ip", "netns", "add", self.name)
        sh("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0",
           "netns", self.name)  # fmt: skip
        sh("ip", "link", "set", self.link, "master", BRIDGE, "up")
        for command in (f"addr add {self.address}/24 dev eth0", "link set eth0 up",
                        "link set lo up"):  # fmt: skip
            sh("ip", "-n", self.name, *command.split())

    def start(self) -> None:
        inner = " ".join([
            "mount -t tmpfs tmpfs /tmp && exec", sys.executable, "-m distributed.cli.dask_worker",
            f"tcp://{HOME}:{PORT}", *WORKER, "--local-directory /tmp/dask",
        ])  # fmt: skip
        self.worker = subprocess.Popen(
            ["ip", "netns", "exec", self.name, "unshare", "-m", "sh", "-c", inner],
            env={**os.environ, "MLP_BENCH_STATE": str(self.state), "PYTHONPATH": str(self.source),
                 "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"},
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        if self.worker:
            self.worker.kill()
            self.worker.wait()

    def runs(self) -> list[Path]:
        """Return the run files that it has made, one a fleet."""
        return sorted(self.state.glob("fleets/*/*/reports/runs/*.json"))

    def close(self) -> None:
        self.kill()
        for process in psutil.process_iter(["environ"]):
            with suppress(psutil.Error, TypeError):
                if (process.info["environ"] or {}).get("MLP_BENCH_STATE") == str(self.state):
                    process.kill()
        sh("ip", "netns", "del", self.name, check=False)


class Trial:
    """Three hosts, a scheduler, and what is asked of them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.reports = folder, folder / "reports"
        self.scheduler: subprocess.Popen[bytes] | None = None
        sh("ip", "link", "add", BRIDGE, "type", "bridge")
        stack.callback(sh, "ip", "link", "del", BRIDGE, check=False)
        sh("ip", "addr", "add", f"{HOME}/24", "dev", BRIDGE)
        sh("ip", "link", "set", BRIDGE, "up")
        self.hosts = [Host(number, folder) for number in (1, 2, 3)]
        for host in self.hosts:
            stack.callback(host.close)
        stack.callback(self.stop)

    def start(self) -> None:
        self.scheduler = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", HOME, "--port",
             str(PORT), "--no-dashboard"], env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(2)
        for host in self.hosts:
            host.start()
        time.sleep(5)

    def stop(self) -> None:
        for host in self.hosts:
            host.kill()
        if self.scheduler:
            self.scheduler.kill()
            self.scheduler.wait()

    @contextmanager
    def fleet(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command."""
        state = {"MLP_BENCH_STATE": str(self.folder / "home"), "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-m", "bench", "fleet", "--scheduler", f"tcp://{HOME}:{PORT}",
             "--reports", str(self.reports), *options],
            env=os.environ | state, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        ) as process:  # fmt: skip
            yield process

    def done(self, *options: str) -> str:
        """Let the command come to its end; return what it printed."""
        with self.fleet(*options) as process:
            return process.communicate(timeout=600)[0]

    def newest(self) -> Fleet:
        return read_fleet(max((self.reports / "fleets").glob("*.json")))

    def resume(self) -> str:
        return self.done("--resume", self.newest().name)

    def verdict(self) -> str:
        """Return what is wrong with the newest fleet; "" if all are home, each measured once."""
        fleet, wrong = self.newest(), []
        for member in fleet.members:
            if member.run is None or member.reason:
                wrong.append(f"{member.label}: {member.reason}")
                continue
            run = read_run(self.reports / "runs" / member.run)
            done = [trial for trial in run.trials if isinstance(trial.result, Trained)]
            if len(done) != TRIALS:
                wrong.append(f"{member.label} has {len(done)} trials")
        for host in self.hosts:
            made = [path for path in host.runs() if fleet.name in str(path)]
            if len(made) != 1:
                wrong.append(f"{host.name} has made {len(made)} runs")
        return "; ".join(wrong)


def report(name: str, wrong: str, since: float | None = None) -> None:
    seconds = "" if since is None else f", ended {since:.0f} s after the fault"
    late = " LATE" if since is not None and since > MOST_SECONDS else ""
    click.echo(f"{'FAILED ' + wrong if wrong else 'held'}: {name}{seconds}{late}")


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(kills: int, seed: int) -> None:
    """Try and print."""
    generator = random.Random(seed)
    with TemporaryDirectory(dir="/var/tmp") as folder, ExitStack() as stack:
        trial = Trial(Path(folder), stack)
        trial.start()
        trial.done(*RUN)
        report("three hosts, one command", trial.verdict())
        link_down(trial)
        for number in range(kills):
            killed(trial, generator, number)
        scheduler_restarted(trial)
        full_disk(trial)
        other_version(trial)


def link_down(trial: Trial) -> None:
    host = trial.hosts[1]
    with trial.fleet(*RUN) as process:
        time.sleep(6)
        sh("ip", "link", "set", host.link, "down")
        since = time.monotonic()
        process.communicate(timeout=600)
        seconds = time.monotonic() - since
    lost = [member.label for member in trial.newest().members if member.reason]
    sh("ip", "link", "set", host.link, "up")
    host.kill()
    host.start()
    time.sleep(5)
    trial.resume()
    wrong = trial.verdict() or ("" if len(lost) == 1 else f"lost {lost}")
    report("a link goes down; resumed", wrong, seconds)


def killed(trial: Trial, generator: random.Random, number: int) -> None:
    host = generator.choice(trial.hosts)
    moment = generator.uniform(2, 14)
    with trial.fleet(*RUN) as process:
        time.sleep(moment)
        host.kill()
        since = time.monotonic()
        process.communicate(timeout=600)
        seconds = time.monotonic() - since
    host.start()
    time.sleep(4)
    trial.resume()
    report(f"worker killed after {moment:.1f} s ({number + 1}); resumed", trial.verdict(), seconds)


def scheduler_restarted(trial: Trial) -> None:
    with trial.fleet(*RUN) as process:
        time.sleep(8)
        assert trial.scheduler is not None
        trial.scheduler.send_signal(signal.SIGKILL)
        since = time.monotonic()
        process.communicate(timeout=600)
        seconds = time.monotonic() - since
    trial.stop()
    trial.start()
    trial.resume()
    report("the scheduler is killed and started again; resumed", trial.verdict(), seconds)


def full_disk(trial: Trial) -> None:
    small = trial.folder / "small"
    small.mkdir()
    sh("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small))
    before, trial.reports = trial.reports, small / "reports"
    try:
        said = trial.done(*RUN)
        name = said.split("fleet ", 1)[1].split()[0]
        sh("mount", "-o", "remount,size=64m", str(small))
        trial.done("--resume", name)
        report("a full disk at home; resumed", trial.verdict())
    finally:
        trial.reports = before
        sh("umount", str(small), check=False)


def other_version(trial: Trial) -> None:
    host, copy = trial.hosts[2], trial.folder / "copy"
    for name in ("bench", "backends"):
        shutil.copytree(ROOT / name, copy / name)
    file = copy / "bench" / "__init__.py"
    file.write_text(file.read_text().replace(__version__, "0.0.1"))
    host.kill()
    host.source = copy
    host.start()
    time.sleep(5)
    said = trial.done(*RUN)
    wrong = trial.verdict() or ("" if "mlp-bench: " in said else "the version is not said")
    report("a worker with another version", wrong)


if __name__ == "__main__":
    main()
