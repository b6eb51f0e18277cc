"""The domain's exceptions: each says what is wrong, where, how many, and what to do."""

from __future__ import annotations


class ArenaError(Exception):
    """Base of every error that this project raises on purpose; its text is fit to show to a user."""


class ConfigError(ArenaError):
    """An experiment file that cannot be read, parsed or validated."""


class FileError(ArenaError):
    """A data file that cannot be read to its end, or that is in no form known here."""


class CorpusError(ArenaError):
    """A corpus that cannot be loaded or does not hold the prompts that the experiment asks for."""


class ModelError(ArenaError):
    """A model file that is missing, broken or not what the configuration says, or a llama.cpp failure."""


class JudgeError(ArenaError):
    """A judge or oracle that cannot be used at all (wrong key, unreadable label file); never a single unscored item."""


class JudgeStoppedError(JudgeError):
    """Calls or answers that failed too often in a row: every further partition would pay for the same."""


class TableError(ArenaError):
    """A table that breaks its contract: missing columns, wrong types, duplicate keys, values out of range."""


class StorageError(ArenaError):
    """A file that cannot be read or written."""


class RefusedError(ArenaError):
    """A finished table that broke a blocking rule; nothing was written."""


class InfeasibleError(ArenaError):
    """A study that was asked for, and that the data cannot give; nothing is wrong with them."""


class ClusterError(ArenaError):
    """A cluster that cannot be asked at all: no head answers, or Ray is not installed."""


class ExchangeError(ArenaError):
    """Data of another tool that cannot be imported, or an export that cannot be written."""
