"""A small experiment on the real model, written as files for the parts that read files."""

from __future__ import annotations

from pathlib import Path

import yaml

from arena_assets.config import load_yaml, project_root

# The partition that tests/system/faulty_definitions.py scores wrongly.
FAULTY_PARTITION = "0001"


def write_experiment(folder: Path, name: str = "small", **changes: object) -> None:
    """`configs/demo.yaml` cut down to a few prompts and tokens, with `changes` of its top-level keys."""
    shipped = project_root() / "configs"  # not the folder of ARENA_CONFIGS, which another test may have set
    demo = load_yaml(shipped / "demo.yaml")
    small = demo | {"prompts": 6, "batch_size": 3, "analysis": {"ablation": "basic"}, **changes}
    small["logging_policy"] = demo["logging_policy"] | {"max_tokens": 12}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")
    ablations = folder / "ablations"
    if not ablations.exists():
        ablations.symlink_to(shipped / "ablations")
