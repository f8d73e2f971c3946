"""Machines, workloads and software in words."""

from made import make_described, make_machine, make_run

from bench.report import descriptions
from bench.results.hardware import Gpu
from bench.workload import Device

GPU = Gpu("NVIDIA H200", 150_000_000_000, "550.1", 700.0)


def test_facts_are_listed_by_subject() -> None:
    machine = make_machine(
        usable_cores=4, frequency_range_mhz=(1500.0, 3800.0), instruction_sets=("AVX2", "FMA"),
        caches={"L1d": 49_152, "L2": 1_048_576}, ram_bytes=25_300_000_000, os="Debian GNU/Linux 12",
        architecture="x86_64", native_architecture="arm64", product="Dell XPS 13",
        virtual_machine=True, hypervisor="KVM", python="3.11.7", gpus=(GPU,),
    )  # fmt: skip
    assert descriptions.facts(machine) == {
        "Product": "Dell XPS 13",
        "Processor": "AMD EPYC 9354, 2 physical cores, 4 logical, 4 usable, 1,500–3,800 MHz",
        "Instruction sets": "AVX2, FMA",
        "Caches": "L1d 48 KiB, L2 1,024 KiB",
        "Memory": "25.3 GB",
        "System": "Debian GNU/Linux 12, x86_64, translated for a processor of arm64, "
                  "virtual machine (KVM), Python 3.11.7",
        "GPU 0": "NVIDIA H200, 150 GB, driver 550.1, 700 W",
    }  # fmt: skip


def test_an_accelerator_that_only_a_framework_names_is_listed_as_the_tables_call_it() -> None:
    told = Gpu("Adreno 740", 8_000_000_000, device=Device("opencl", 0))
    found = descriptions.facts(make_machine(gpus=(GPU, told)))
    assert list(found)[-2:] == ["GPU 0", "opencl:0"]
    assert found["opencl:0"] == "Adreno 740, 8.00 GB"


def test_the_product_stands_in_a_title_that_several_machines_would_share() -> None:
    one, other = (make_machine(product=name) for name in ("Dell XPS", "Lenovo X1"))
    alone = make_machine(cpu_model="Apple M2", product="Mac14,2")
    assert descriptions.titles([one, alone, one]) == [
        "AMD EPYC 9354, 2 cores", "Apple M2, 2 cores", "AMD EPYC 9354, 2 cores",
    ]  # fmt: skip
    assert descriptions.titles([one, other, make_machine()]) == [
        "AMD EPYC 9354, 2 cores, Dell XPS", "AMD EPYC 9354, 2 cores, Lenovo X1",
        "AMD EPYC 9354, 2 cores",
    ]  # fmt: skip


def test_absent_facts_are_absent() -> None:
    nothing = make_machine(cpu_model=None, physical_cores=None, logical_cores=None)
    assert descriptions.title(nothing) == "unknown processor"
    assert descriptions.facts(nothing) == {}


def test_software_is_versions_python_and_thread_pools() -> None:
    run = make_run(backends={"numpy": make_described(numpy="2.4", mkl=None)})
    assert descriptions.versions(run, "numpy") == "numpy 2.4"
    assert descriptions.software(run, "numpy") == (
        "numpy 2.4, Python 3.11.9, openblas 0.3.30 with 2 threads"
    )
    assert descriptions.software(run, "unknown") == ""
