"""`arena status`: for each asset, partitions done, rows, failed checks, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from arena_assets import pipeline
from arena_assets.config import Experiment, config_folder, experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.judging.costs import spent_usd
from arena_assets.pipeline import Step
from arena_assets.state import Standing, State, report_standing, standings
from arena_assets.storage import Store
from arena_assets.storage.adopting import without_experiment
from arena_assets.tables import TABLES

_SHOWN = 5  # reasons of one kind of one asset; JSON has all


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
    reports += [] if experiment_name else [_left(name) for name in without_experiment()]
    if as_json:
        print(json.dumps(reports[0] if experiment_name else reports, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(_text(report) for report in reports))
    return 1 if broken else 0


def _left(name: str) -> dict[str, Any]:
    """Data that no file of `configs/` is of: a renamed experiment's, as a rule."""
    return {
        "experiment": name,
        "problem": f"data of {name!r} have no configs/{name}.yaml",
        "assets": [],
        "next": f"`arena adopt {name} NEW` if it was renamed to NEW, or `arena clean {name}`",
    }


def status(experiment: Experiment, store: Store) -> dict[str, Any]:
    """How far an experiment is, from its files alone."""
    steps = [step for step in experiment.steps if not (step.files or step.on_request)]
    found = standings(experiment, store, steps)
    results = next(one for one in found if one.step is pipeline.RESULTS)
    found.append(report_standing(results, store))
    steps.append(pipeline.SUMMARY)
    assets = [_asset(store, step, [one for one in found if one.step is step]) for step in steps]
    return {"experiment": experiment.name, "assets": assets, "next": _next(experiment, assets)}


def _asset(store: Store, step: Step, partitions: list[Standing]) -> dict[str, Any]:
    by_state: dict[State, list[Standing]] = {}
    for one in partitions:
        by_state.setdefault(one.state, []).append(one)
    failed = [
        (finding["blocking"], {"partition": one.place, "check": finding["name"], "text": finding["text"]})
        for one in partitions
        for finding in one.failed
    ]
    done = [one for one in partitions if one.state.done]
    return {
        "asset": step.name,
        "partitions": len(partitions),
        "done": len(done),
        "rows": sum(one.rows for one in done),
        "outdated": {one.place: one.reason for one in by_state.get(State.OUTDATED, ())},
        "refused": [one.place for one in by_state.get(State.REFUSED, ())],
        "unreadable": {one.place: one.reason for one in by_state.get(State.UNREADABLE, ())},
        "failed_checks": [finding for blocking, finding in failed if blocking],
        "warnings": [finding for blocking, finding in failed if not blocking],
        # Of the journals, not the tables: an answer that was paid for counts although its batch was refused.
        "spent_usd": round(spent_usd(store.journals(step.name)), 4) if step.paid else 0.0,
    }


def _next(experiment: Experiment, assets: list[dict[str, Any]]) -> str:
    if any(asset["failed_checks"] for asset in assets):
        return (
            f"see the failed checks, mend their cause, then run `arena run {experiment.name}`, with --partition and "
            "--redo where the journal holds what is refused"
        )
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
            notes.append(f"{len(asset['outdated'])} outdated")
        if asset["unreadable"]:
            notes.append(f"{len(asset['unreadable'])} unreadable")
        if asset["spent_usd"]:
            notes.append(f"${asset['spent_usd']:,.2f} spent")
        if asset["failed_checks"]:
            notes.append(f"{len(asset['failed_checks'])} failed checks")
        if asset["warnings"]:
            notes.append(f"{len(asset['warnings'])} warnings")
        done = f"{asset['done']}/{asset['partitions']}"
        rows = f"{asset['rows']:>9} rows" if asset["asset"] in TABLES else ""
        lines.append(f"  {asset['asset']:<18}{done:>9} done {rows:<14}  {', '.join(notes)}".rstrip())
        lines += [f"      {f['partition']} {f['check']}: {f['text']}" for f in asset["failed_checks"][:_SHOWN]]
        for reasons in (asset["outdated"], asset["unreadable"]):
            lines += [f"      {text}" for text in list(reasons.values())[:_SHOWN]]
        lines += [f"      warning, {text}" for text in each_warning(asset["warnings"])]
    lines.append(f"  next: {report['next']}")
    return "\n".join(lines)


def each_warning(warnings: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """The checks that warn, each once: what it found in the first batch that breaks it, and in how many others."""
    by_check: dict[str, list[str]] = {}
    for warning in warnings:
        by_check.setdefault(warning["check"], []).append(warning["text"])
    for check, (first, *others) in by_check.items():
        more = f" (and in {len(others)} more batches)" if others else ""
        yield f"{check}: {first}{more}"
