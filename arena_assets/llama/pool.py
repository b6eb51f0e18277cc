"""Models of an experiment, loaded once and shared: one in memory at a time, work is grouped by model."""

from __future__ import annotations

from collections.abc import Callable

from arena_assets.config import Experiment, former_identity
from arena_assets.llama.build import gpu_names, library_version
from arena_assets.llama.closing import Closing
from arena_assets.llama.engine import Engine
from arena_assets.llama.expansion import weights_file
from arena_assets.llama.fingerprint import machine_of
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from arena_assets.machine import Machine, worker_name


class ModelPool(Closing):
    """Loads the models of an experiment on demand; asking for another closes the one before.

    Close it, or use it as a context manager: a model holds as much memory as its file is big.
    """

    def __init__(self, experiment: Experiment, say: Callable[[str], None] = lambda _: None) -> None:
        self._experiment = experiment
        self.say = say
        self._loaded: Loaded | None = None
        self._machine: Machine | None = None

    def machine(self) -> Machine:
        """The machine that this process runs on, known by what it computes under P0's model."""
        if self._machine is None:
            self._machine = machine_of(self.get(self._experiment.logging_policy.model), self.say)
            self.say(f"machine {worker_name()}: {self._machine}")
        return self._machine

    def kind(self) -> str | None:
        """The machine's fingerprint where results are exact, as a part of their journal's keys; else None.

        A run that goes on with the journal of another kind of machine would mix two kinds in one table.
        """
        return self.machine().fingerprint if self._experiment.engine.promises_equality else None

    def get(self, name: str) -> Loaded:
        """The model of that name in the configuration.

        Raises:
            ModelError: its file is missing, broken, or cannot be loaded.
        """
        if self._loaded is not None and self._loaded.name == name:
            return self._loaded
        self.close()
        engine = self._experiment.engine
        path = weights_file(name, self._experiment.models[name], self.say)
        model = Model(path, n_gpu_layers=engine.n_gpu_layers, exact=engine.mode == "exact")
        loaded = Loaded(
            name,
            self._experiment.model_identity(name),
            model,
            Engine(
                model,
                cache_tokens=engine.cache_tokens,
                max_sequences=engine.max_sequences,
                threads=engine.threads,
                exact=engine.mode == "exact",
            ),
            ChatTemplate(model),
            former_identity(self._experiment, name),
        )
        self._loaded = loaded
        self.say(
            f"loaded {path.name} with llama-cpp-python {library_version()}: mode {engine.mode}, "
            f"scoring {engine.scoring}, {loaded.engine.limits.threads} threads, {_gpu_layers(engine.n_gpu_layers)}"
        )
        return loaded

    def limit(self, loaded: Loaded) -> int:
        """Longest prompt and response together, tokens."""
        return context_of(self._experiment, loaded.model)

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.model.close()
            self._loaded = None


def context_of(experiment: Experiment, model: Model) -> int:
    """Tokens of a model's context that the experiment uses: longest prompt and response together."""
    return min(experiment.engine.context_tokens or model.context_limit, model.context_limit)


def _gpu_layers(count: int) -> str:
    if count == 0:
        return "no GPU layers"
    return f"{'all' if count < 0 else count} layers on {', '.join(gpu_names())}"
