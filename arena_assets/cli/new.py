"""`arena new`: a file to begin from, which is another experiment's with its comments."""

from __future__ import annotations

from arena_assets.config import ImportedCorpus, config_folder, experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.exchange.importing.names import safe_name

_HEADER = """\
# {name}: begun from {base}.yaml by `arena new`. What to change first: description, prompts, models and policies, judge,
# oracle. An unknown key is refused; `arena validate {name}` says whether the file can be run.
"""


def write(name: str, base: str) -> int:
    """Write `configs/<name>.yaml` with the text of `<base>.yaml`.

    Raises:
        ConfigError: no experiment can be called so, one is, or `base` is not there, broken or an import.
    """
    if name != (possible := safe_name(name, "experiment")):
        raise ConfigError(
            f"{name!r} is no name of an experiment: letters, digits and underscores, a letter first, at most 63. "
            f"Name it {possible}: `arena new {possible}`"
        )
    path = config_folder() / f"{name}.yaml"
    if name in experiment_names():
        raise ConfigError(f"{path} is there already; choose another name, or edit it")
    if isinstance(load_experiment(base).corpus, ImportedCorpus):
        raise ConfigError(f"{base} is an import, whose file goes with its data; `arena import` makes another")
    text = (config_folder() / f"{base}.yaml").read_text(encoding="utf-8")
    path.write_text(_HEADER.format(name=name, base=base) + text, encoding="utf-8")
    experiment = load_experiment(name)
    print(f"wrote {path}: {experiment.prompts} prompts, {len(experiment.policies)} policies")
    print(f"next: edit it, `arena validate {name}`, `arena run {name} --dry-run`")
    return 0
