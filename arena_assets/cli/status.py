"""`arena status`: for each asset, partitions done, rows, failed checks, and what to do next."""

from __future__ import annotations

import json
from typing import Any

from arena_assets.config import Experiment, config_folder, experiment_names, load_experiment
from arena_assets.errors import ConfigError, StorageError
from arena_assets.judging.costs import spent_usd
from arena_assets.stages.ablation import configured_assets
from arena_assets.storage import Store
from arena_assets.tables import TABLES

_PAID = ("judge_scores", "oracle_labels")


def show(experiment_name: str | None, *, as_json: bool) -> int:
    """Print the status of one experiment or, as a list, of all; 1 where the file of one of all is broken.

    Raises:
        ConfigError: the one's file is broken, or there is no experiment at all.
    """
    names = [experiment_name] if experiment_name else experiment_names()
    if not names:
        raise ConfigError(f"there is no experiment in {config_folder()}; write one, or correct ARENA_CONFIGS")
    reports, broken = [], False
    for name in names:
        try:
            experiment = load_experiment(name)
            reports.append(status(experiment, Store.of(experiment)))
        except ConfigError as error:
            if experiment_name:
                raise
            broken = True
            reports.append(
                {"experiment": name, "problem": str(error), "assets": [], "next": f"correct configs/{name}.yaml"}
            )
    if as_json:
        print(json.dumps(reports[0] if experiment_name else reports, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(_text(report) for report in reports))
    return 1 if broken else 0


def status(experiment: Experiment, store: Store) -> dict[str, Any]:
    """How far an experiment is, from its files alone."""
    names = ["arena_corpus", *configured_assets(experiment), "ablation_results"]
    assets = [_asset(experiment, store, name) for name in names]
    return {"experiment": experiment.name, "assets": assets, "next": _next(experiment, assets)}


def _asset(experiment: Experiment, store: Store, name: str) -> dict[str, Any]:
    partitions: list[str | None] = [*experiment.partitions] if TABLES[name].partitioned else [None]
    rows, done, outdated, unreadable = 0, [], [], {}
    there: set[str | None] = set(store.partitions(name)) if TABLES[name].partitioned else {None}
    failed: list[dict[str, str]] = []
    warnings: list[dict[str, str]] = []
    for partition in partitions:
        label = partition or "whole"
        for finding in _findings(store, name, partition):
            if not finding["passed"]:
                kept = failed if finding["blocking"] else warnings
                kept.append({"partition": label, "check": finding["name"], "text": finding["text"]})
        if partition not in there or not store.exists(name, partition):
            continue
        try:
            notes = store.notes(name, partition)
        except StorageError as error:
            unreadable[label] = str(error)
            continue
        if notes.get("fingerprint") == experiment.fingerprint(name, partition):
            done.append(label)
            rows += int(notes["rows"])
        else:
            outdated.append(label)
    return {
        "asset": name,
        "partitions": len(partitions),
        "done": len(done),
        "rows": rows,
        "outdated": outdated,
        "unreadable": unreadable,
        "failed_checks": failed,
        "warnings": warnings,
        # Of the journals, not the tables: an answer that was paid for counts although its batch was refused.
        "spent_usd": round(spent_usd(store.root / "journal" / name), 4) if name in _PAID else 0.0,
    }


def _findings(store: Store, asset: str, partition: str | None) -> list[dict[str, Any]]:
    try:
        return store.read_checks(asset, partition)
    except StorageError as error:
        return [{"name": "readable", "passed": False, "blocking": True, "text": str(error)}]


def _next(experiment: Experiment, assets: list[dict[str, Any]]) -> str:
    if any(asset["failed_checks"] for asset in assets):
        return f"see the failed checks, mend their cause, then run `arena run {experiment.name}`"
    if all(asset["done"] == asset["partitions"] for asset in assets):
        return "nothing is missing; `make ui` shows the result"
    return f"run `arena run {experiment.name}`: it does what is missing or outdated"


def _text(report: dict[str, Any]) -> str:
    lines = [report["experiment"]]
    if "problem" in report:
        lines.append(f"  {report['problem']}")
    for asset in report["assets"]:
        notes = []
        if asset["outdated"]:
            notes.append(f"{len(asset['outdated'])} outdated (made with another configuration)")
        if asset["unreadable"]:
            notes.append(f"{len(asset['unreadable'])} unreadable")
        if asset["spent_usd"]:
            notes.append(f"${asset['spent_usd']:,.2f} spent")
        if asset["failed_checks"]:
            notes.append(f"{len(asset['failed_checks'])} failed checks")
        if asset["warnings"]:
            names = ", ".join(sorted({warning["check"] for warning in asset["warnings"]}))
            notes.append(f"{len(asset['warnings'])} warnings ({names})")
        done = f"{asset['done']}/{asset['partitions']}"
        lines.append(f"  {asset['asset']:<18}{done:>9} done {asset['rows']:>9} rows  {', '.join(notes)}".rstrip())
        lines += [f"      {f['partition']} {f['check']}: {f['text']}" for f in asset["failed_checks"][:5]]
        lines += [f"      {text}" for text in list(asset["unreadable"].values())[:5]]
    lines.append(f"  next: {report['next']}")
    return "\n".join(lines)
