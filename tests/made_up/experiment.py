"""Generated experiments of any size, in the contracts of `arena_assets.tables`: for benchmarks and tests."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.stages.analysis import Analysis, write_analysis
from arena_assets.stages.collected import Collected
from arena_assets.storage import Effort, Store
from arena_assets.storage.shipped import identity
from tests.made_up import studies
from tests.made_up.results import Floats, beside, results
from tests.made_up.tables import Batch

ASSETS = tuple(step.name for step in pipeline.BATCH)


def write_config(folder: Path, name: str, *, prompts: int, batch_size: int) -> None:
    """Write `<name>.yaml`: an experiment of P0 and four targets that no model file is needed to look at."""
    targets: list[dict[str, object]] = [
        {"name": "pi_clone"},
        {"name": "pi_cooler", "temperature": 0.7},
        {"name": "pi_concise", "system_prompt": "Answer in one short sentence."},
        {"name": "pi_bad", "system_prompt": "You are a pirate who never answers the question."},
    ]
    document = {
        "description": f"Generated data: {prompts} prompts, five policies",
        "seed": 7,
        "corpus": {"source": "shipped"},
        "prompts": prompts,
        "batch_size": batch_size,
        "models": {"generated": {"source": "file", "path": "generated.gguf"}},
        "logging_policy": {
            "name": "P0",
            "model": "generated",
            "system_prompt": "You are a helpful assistant.",
            "temperature": 0.8,
            "max_tokens": 256,
        },
        "target_policies": targets,
        "judge": {"kind": "likelihood", "model": "generated"},
        "oracle": {"kind": "reference", "calibration": 0.5, "validation": 1.0},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def write_experiment(
    experiment: Experiment,
    store: Store,
    *,
    partitions: Iterable[str] | None = None,
    assets: Sequence[str] = ASSETS,
    with_results: bool = True,
    seed: int = 0,
) -> None:
    """Write the tables of `partitions` (default: all) with their findings, and `ablation_results` over them."""
    keys = list(experiment.partitions if partitions is None else partitions)
    labels: dict[str, list[Floats]] = {policy.name: [] for policy in experiment.policies}
    log_weights: dict[str, list[Floats]] = {name: [] for name in experiment.target_names}
    for key in keys:
        batch = Batch(experiment, key, seed)
        for asset in assets:
            frame = getattr(batch, asset)()
            store.write(asset, frame, fingerprint=experiment.fingerprint(asset, key), partition=key)
            store.write_checks(
                asset, key, findings(asset, len(frame)), "generated", Effort(len(frame) / 20, len(frame))
            )
        for policy, values in batch.labels.items():
            labels[policy].append(values)
        for policy, values in batch.log_weights.items():
            log_weights[policy].append(values)
    if with_results and keys:
        made = results(
            {policy: np.concatenate(values) for policy, values in labels.items()},
            {policy: np.concatenate(values) for policy, values in log_weights.items()},
            logging_policy=experiment.logging_policy.name,
            coverage=float(experiment.oracle.calibration),
            seed=seed,
        )
        analysis = Analysis(made, beside(experiment, store, keys, made))
        name = pipeline.PROMPTS.name
        prompts = pd.concat([store.read(name, key, ["prompt_id"]) for key in keys])
        write_analysis(experiment, store, analysis, **Collected({name: prompts}, tuple(keys), (), {}).notes)
        store.write_checks("ablation_results", None, findings("ablation_results", 1), run_id="generated")


def write_studies(experiment: Experiment, store: Store) -> None:
    """Write `ablation_grid` of the experiment, and `estimator_simulation` beside all experiments."""
    store.write("ablation_grid", studies.grid(), fingerprint=experiment.fingerprint("ablation_results"))
    Store(store.root.parent / "methods").write("estimator_simulation", studies.simulation(), fingerprint=identity())


def findings(asset: str, rows: int, *, failed: str | None = None, blocking: bool = True) -> list[dict[str, object]]:
    """Findings in the stored form; `failed` adds one that did not pass, with this text."""
    passed: list[dict[str, object]] = [
        {"name": "contract", "blocking": True, "passed": True, "text": f"{rows} rows", "figures": {"rows": rows}},
        {"name": f"{asset}_complete", "blocking": True, "passed": True, "text": "nothing is missing", "figures": {}},
    ]
    if failed is not None:
        passed.append({"name": "refused", "blocking": blocking, "passed": False, "text": failed, "figures": {}})
    return passed


def main() -> None:
    """Write a generated experiment: its configuration into `--configs`, its tables below `--data`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--configs", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="generated")
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=200)
    options = parser.parse_args()
    write_config(options.configs, options.name, prompts=options.prompts, batch_size=options.batch_size)
    experiment = Experiment.model_validate(
        yaml.safe_load((options.configs / f"{options.name}.yaml").read_text()) | {"name": options.name}
    )
    store = Store(options.data / options.name)
    write_experiment(experiment, store)
    write_studies(experiment, store)


if __name__ == "__main__":
    main()
