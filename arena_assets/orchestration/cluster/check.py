"""The rules of `arena cluster check`, as pure functions of what was gathered: each problem says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from arena_assets.orchestration.cluster.machine_report import MachineReport
from arena_assets.orchestration.cluster.nodes import Node


@dataclass(frozen=True)
class Instance:
    """What the head's dagster.yaml says."""

    launcher: str
    coordinator: str
    history: str
    monitoring: bool
    retries: bool
    pool_limit: int


@dataclass(frozen=True)
class Need:
    """What the experiments need of each machine; `checksums`: the configured sha256 of a model, where there is one."""

    gpus: bool = False
    checksums: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what to do; one that does not block is worth knowing, no more."""

    where: str
    what: str
    remedy: str
    blocking: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


def problems(
    instance: Instance, nodes: list[Node], head: MachineReport, answers: Mapping[str, MachineReport | str], need: Need
) -> list[Problem]:
    """Everything that keeps the cluster from doing the job, in the order in which to mend it."""
    found = [*_instance(instance), *_nodes(instance, nodes, need)]
    reports: dict[str, MachineReport] = {}
    for node in nodes:
        given = answers.get(node.ip, "it was not asked")
        if isinstance(given, MachineReport):
            reports[node.ip] = given
        else:
            remedy = (
                "activate the project's environment there before `ray start`, since runs inherit its PATH, "
                "and let the machines reach each other's Ray ports"
            )
            found.append(Problem(node.ip, f"a job there gave no answer ({given})", remedy))
    workers = {node.ip: reports[node.ip] for node in nodes if node.slots and node.ip in reports}
    for ip, own in reports.items():
        found += _same(ip, own, head)
        found += _reach(ip, own)
    for ip, own in workers.items():
        found += _keys(ip, own)
        if need.gpus and not own.gpu_build:
            what = "llama-cpp-python has no GPU support there, and n_gpu_layers is not 0"
            found.append(Problem(ip, what, "install a build that has (docs/full_experiment.md, 'GPU')"))
    found += _models(workers, need)
    return [*found, *_kinds(workers)]


def _instance(instance: Instance) -> Iterator[Problem]:
    remedy = "set DAGSTER_HOME to a folder with the file dagster_home/cluster/dagster.yaml"
    if not instance.launcher.endswith("RayRunLauncher"):
        yield Problem("dagster.yaml", f"runs are launched by {instance.launcher}, not on Ray", remedy)
    if instance.coordinator != "RequestingRunCoordinator":
        yield Problem("dagster.yaml", f"{instance.coordinator} tags no run with the slot or GPU that it needs", remedy)
    if "Postgres" not in instance.history:
        yield Problem("dagster.yaml", f"the history is kept by {instance.history}, which no worker reaches", remedy)
    if not (instance.monitoring and instance.retries):
        yield Problem("dagster.yaml", "run_monitoring or run_retries is off: a lost machine's batch stays lost", remedy)


def _nodes(instance: Instance, nodes: list[Node], need: Need) -> Iterator[Problem]:
    slots = sum(node.slots for node in nodes)
    if not slots:
        remedy = """start workers with `ray start --address=HEAD:6379 --resources='{"llama": 1}'`"""
        yield Problem("Ray", f"none of {len(nodes)} nodes offers a llama slot", remedy)
        return
    for node in nodes:
        if need.gpus and node.slots > node.gpus:
            remedy = f"""restart it with --num-gpus and --resources='{{"llama": {max(node.gpus, 1)}}}'"""
            what = f"it offers {node.slots} llama slots and {node.gpus} GPUs, and each run needs one"
            yield Problem(node.ip, what, remedy)
        elif need.gpus and node.slots and node.slots < node.gpus:
            remedy = f"""restart it with --resources='{{"llama": {node.gpus}}}'"""
            yield Problem(node.ip, f"{node.gpus - node.slots} of its GPUs get no run", remedy, blocking=False)
    limit, remedy = instance.pool_limit, f"run `dagster instance concurrency set llama {slots}`"
    if limit > slots:
        what = f"{limit} runs may use llama.cpp at once, {slots} have a place: others time out while they wait in Ray"
        yield Problem("pool llama", what, remedy)
    elif limit < slots:
        yield Problem("pool llama", f"{limit} runs at once leave {slots - limit} slots idle", remedy, blocking=False)


def _same(ip: str, own: MachineReport, head: MachineReport) -> Iterator[Problem]:
    """The same Python, packages and code as on the head."""
    if own.python != head.python:
        yield Problem(ip, f"Python is {own.python}, the head's {head.python}", "install the same on every machine")
    for package, wanted in head.versions.items():
        if (there := own.versions.get(package, "missing")) != wanted:
            remedy = f"pip install '{package}=={wanted}' there and restart its Ray node"
            yield Problem(ip, f"{package} is {there}, the head's {wanted}", remedy)
    if own.code != head.code:
        remedy = "bring the same commit and the same configs/ to every machine"
        yield Problem(ip, "the project's code or experiment files differ from the head's", remedy)
    if not own.command:
        remedy = "activate the project's environment before `ray start`: runs inherit its PATH"
        yield Problem(ip, "the command `dagster`, as which a run begins, is not in its PATH", remedy)


def _reach(ip: str, own: MachineReport) -> Iterator[Problem]:
    if own.history:
        remedy = "export ARENA_PG_HOST and ARENA_PG_PASSWORD before `ray start`, and let Postgres admit this machine"
        yield Problem(ip, f"Dagster's history cannot be reached ({own.history})", remedy)
    for name, trouble in own.storage.items():
        if trouble:
            remedy = "export ARENA_STORAGE and the storage's variables before `ray start`; it must be shared storage"
            yield Problem(ip, f"the data of {name} cannot be read and written ({trouble})", remedy)


def _keys(ip: str, own: MachineReport) -> Iterator[Problem]:
    for name, trouble in own.keys.items():
        if trouble:
            yield Problem(ip, f"judge or oracle need {name}: {trouble}", f"export {name} before `ray start` there")


def _models(workers: Mapping[str, MachineReport], need: Need) -> Iterator[Problem]:
    for name, configured in need.checksums.items():
        sums: dict[str, list[str]] = {}
        for ip, own in workers.items():
            entry = own.models.get(name, {"problem": "it was not looked for"})
            if "problem" in entry:
                yield Problem(ip, f"model {name}: {entry['problem']}", f"run `arena fetch-model {name}` there")
            else:
                sums.setdefault(str(entry["sha256"]), []).append(ip)
        # Where the configuration states no checksum, the machines must at least agree.
        wanted = configured or max(sums, key=lambda digest: (len(sums[digest]), digest), default=None)
        for digest, addresses in sums.items():
            if digest != wanted:
                what = f"model {name} has sha256 {digest[:12]}..., {'the configuration' if configured else 'most'} "
                what += f"{str(wanted)[:12]}..."
                yield Problem(", ".join(addresses), what, f"remove the file there and run `arena fetch-model {name}`")


def _kinds(workers: Mapping[str, MachineReport]) -> Iterator[Problem]:
    cpus = sorted({own.cpu for own in workers.values()})
    if len(cpus) > 1:
        what = f"{len(cpus)} kinds of CPU ({'; '.join(cpus)}): results may differ in the last bits between them"
        yield Problem("workers", what, "the check `reproducibility` names such batches", blocking=False)


def blocking(found: Iterable[Problem]) -> list[Problem]:
    """The problems that keep the cluster from doing the job."""
    return [problem for problem in found if problem.blocking]
