"""The rows of a data set of the Hugging Face hub, and the commit that they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from arena_assets.config import HubCorpus
from arena_assets.errors import CorpusError
from arena_assets.textfiles import OddRow, Row, Rows
from arena_assets.textfiles.parquet_rows import AT_ONCE, rows_of_batches

_COMMIT = re.compile(r"@([0-9a-f]{40})/")


def hub_rows(config: HubCorpus, wanted: frozenset[str], revision: str | None = None) -> tuple[Rows, str | None]:
    """The rows with their `wanted` columns, and the commit; None where it is not known, as of a folder.

    revision: a commit that takes the place of the configured revision, because the experiment already rests on it.

    Raises:
        CorpusError: it cannot be loaded; the text is what the reader said, and what the hub needs where that failed.
    """
    # Imported here: it takes seconds, and only this function needs it.
    import datasets
    from datasets.exceptions import DatasetGenerationError, DatasetsError

    datasets.disable_progress_bars()
    asked = revision or config.revision
    try:
        table = datasets.load_dataset(config.dataset, split=config.split, revision=asked)
    except DatasetGenerationError as error:
        raise CorpusError(f"the corpus {config.dataset} cannot be loaded: {_causes(error)}") from error
    except (DatasetsError, OSError) as error:
        raise CorpusError(
            f"the corpus {config.dataset} cannot be loaded: {_causes(error)}. "
            "Check the name and the network; a gated data set needs HF_TOKEN"
        ) from error
    except ValueError as error:  # an unknown split or configuration
        raise CorpusError(f"the corpus {config.dataset} cannot be loaded: {_causes(error)}") from error
    columns = tuple(table.column_names)
    return Rows(config.dataset, columns, _stream(config.dataset, table, columns, wanted)), _commit(table)


def _stream(name: str, table: Any, columns: tuple[str, ...], wanted: frozenset[str]) -> Iterator[Row | OddRow]:
    # As Arrow: else pictures would be decoded only to be left out.
    needed = table.select_columns([column for column in columns if column in wanted]).with_format("arrow")
    return rows_of_batches(needed.iter(batch_size=AT_ONCE), name)


def _commit(table: Any) -> str | None:
    found = {match[1] for url in table.info.download_checksums or {} if (match := _COMMIT.search(url))}
    return found.pop() if len(found) == 1 else None


def _causes(error: BaseException) -> str:
    """What was said, down to the first cause: the outermost error often says no more than that there is one."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause).strip() or type(cause).__name__
        if text not in said:
            said.append(text)
        cause = cause.__cause__ or cause.__context__
    return "; because: ".join(said)
