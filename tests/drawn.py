"""Workloads drawn at random from the ranges of their axes."""

import math
import random
from typing import Any

from bench.workload import Workload
from bench.workload.axes import FIELDS, placed


def draw_workload(rng: random.Random, most_parameters: float = 2e7, **most: float) -> Workload:
    """Return a workload with fields from their full ranges, or up to `most`; sizes by magnitude."""
    while True:
        point: dict[str, Any] = {}
        for name, field in FIELDS.items():
            if name == "precision":  # no backend has all of them
                continue
            top = most.get(name, field.most)
            if field.choices:
                point[name] = rng.choice(field.choices)
            elif name == "dropout":  # none in every second workload
                point[name] = rng.choice([0.0, round(rng.uniform(field.least, top), 3)])
            else:
                drawn = math.exp(rng.uniform(math.log(field.least), math.log(top)))
                point[name] = field.kind(f"{drawn:.3g}") if field.kind is float else round(drawn)
        drawn_workload = placed(Workload(), point)
        if drawn_workload.parameter_count <= most_parameters:
            return drawn_workload
