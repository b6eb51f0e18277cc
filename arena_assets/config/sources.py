"""Where prompts and model weights come from."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from arena_assets.config.base import Mark, Section, Sha256, at_default
from arena_assets.config.contents import files_digest
from arena_assets.config.languages import language_name

ANY_LANGUAGE = "any"

# Where an experiment's tables come from: its own steps make them, or an import brought them.
Origin = Literal["generated", "imported"]


class _Corpus(Section):
    origin: ClassVar[Origin] = "generated"
    language: str = Field(
        "English", min_length=1, description="rows of another language are left out, by name or code; any: none is"
    )
    toxic: Annotated[bool, Mark.WHEN_SET] = Field(
        True, description="false: rows that the corpus marks as toxic are left out"
    )
    redacted: Annotated[bool, Mark.WHEN_SET] = Field(
        True, description="false: rows that the corpus marks as redacted are left out"
    )
    turns: Annotated[int | None, Mark.WHEN_SET] = Field(
        None, ge=1, description="conversations of more turns of the user are left out"
    )
    max_characters: Annotated[int | None, Mark.WHEN_SET] = Field(None, ge=1, description="longer prompts are left out")
    max_tokens: Annotated[int | Literal["auto"] | None, Mark.WHEN_SET] = Field(
        None,
        description="prompts of more tokens, as any policy reads them, are left out; auto: those that do not fit the "
        "context of every policy with its response",
    )

    @field_validator("language")
    @classmethod
    def _one_name(cls, language: str) -> str:
        return ANY_LANGUAGE if language.casefold() == ANY_LANGUAGE else language_name(language)

    @field_validator("max_tokens")
    @classmethod
    def _positive(cls, limit: int | Literal["auto"] | None) -> int | Literal["auto"] | None:
        if isinstance(limit, int) and limit < 1:
            raise ValueError("must be at least 1, or auto")
        return limit

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the corpus' rows, as JSON holds it."""
        return self.model_dump(exclude=at_default(self))


class Columns(Section):
    """Which columns of a data set hold what, where it is not in the Chatbot Arena row schema."""

    prompt: str = Field(
        "prompt", min_length=1, description="texts, or conversations of which the first user turn counts"
    )
    language: str | None = Field(None, min_length=1, description="null: `language` where there is one, else detected")
    texts: Annotated[Literal["auto", "plain", "json"], Mark.WHEN_SET] = Field(
        "auto", description="json: the texts of the prompts' column are conversations or lists written as JSON"
    )
    cluster: Annotated[str | None, Mark.WHEN_SET] = Field(
        None,
        min_length=1,
        description="a user, document or template: prompts of one are not independent, and intervals count clusters",
    )


class ShippedCorpus(_Corpus):
    """The project's own prompts, with the reference points that the demo's oracle needs."""

    source: Literal["shipped"]


class HubCorpus(_Corpus):
    """A data set of the Hugging Face hub in the Chatbot Arena row schema; gated sets read HF_TOKEN."""

    source: Literal["hub"]
    dataset: str
    split: str = "train"
    revision: str | None = Field(
        None, description="null: the newest commit when it is first fetched, and then that one"
    )
    columns: Columns | None = Field(None, description="null: the Chatbot Arena row schema, or a column `prompt`")

    @property
    def identity(self) -> dict[str, Any]:
        """Of a folder in the place of a data set, its files' bytes are a part."""
        own = super().identity
        folder = Path(self.dataset)  # as `datasets` takes it: relative to where the process runs, and `~` is no home
        return own | {"content": files_digest(str(folder.absolute()))} if folder.is_dir() else own


class FileCorpus(_Corpus):
    """Local JSON Lines, JSON, CSV, TSV or Parquet in the Chatbot Arena row schema, or with a column of prompts."""

    source: Literal["file"]
    path: str = Field(
        min_length=1, description="a file, a folder or a pattern; relative to the project's folder, or absolute"
    )
    encoding: Annotated[str | None, Mark.WHEN_SET] = Field(
        None, description="null: UTF-8, UTF-16 or Windows-1252, found out from the bytes"
    )
    columns: Columns | None = Field(None, description="null: the Chatbot Arena row schema, or a column `prompt`")

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str | None) -> str | None:
        try:
            return encoding if encoding is None else codecs.lookup(encoding).name
        except LookupError as error:
            raise ValueError(f"{encoding!r} is no encoding that is known here; try utf-8, utf-16 or cp1252") from error

    @property
    def identity(self) -> dict[str, Any]:
        """The files' bytes are a part of it, their names are not: edited prompts are other prompts."""
        own = super().identity
        del own["path"]
        return own | {"content": files_digest(self.path)}


class ImportedCorpus(Section):
    """What `arena import` read; `digest` is that of the rows, so other rows outdate what was made of these."""

    origin: ClassVar[Origin] = "imported"
    source: Literal["imported"]
    digest: Sha256
    language: str = Field(ANY_LANGUAGE, description="an import leaves no row out for its language")

    @property
    def identity(self) -> dict[str, Any]:
        """The digest of the rows, and how they are taken."""
        return self.model_dump()


CorpusConfig = Annotated[ShippedCorpus | HubCorpus | FileCorpus | ImportedCorpus, Field(discriminator="source")]


# What a model's weights can be expanded to: what these kinds cost in memory they save in dequantising.
Weights = Literal["f32", "f16", "bf16", "q8_0"]


class _Model(Section):
    """A model's file, or any of its parts: `x-00002-of-00003.gguf` stands for the three of them."""

    sha256: Sha256 | None = Field(
        None, description="of a model in parts: the sha256 of its parts' sha256, in hexadecimal and one a line"
    )
    size_bytes: int | None = Field(None, gt=0, description="of all parts together")
    weights: Weights | None = Field(
        None, description="the kind that the file's weights are expanded to, once, beside it; null: as they are"
    )
    has_file: ClassVar[bool] = True


class PackageModel(_Model):
    """A GGUF file that an installed Python package ships."""

    source: Literal["package"]
    package: str = Field(description="import name of the package")
    file: str = Field(pattern=r"^[^/\\]+\.gguf$")


class HubModel(_Model):
    """A GGUF file of a Hugging Face hub repository."""

    source: Literal["hub"]
    repo: str
    file: str = Field(pattern=r"^[^\\]+\.gguf$")
    revision: str = "main"


class LocalModel(_Model):
    """A GGUF file that the user already has."""

    source: Literal["file"]
    path: str

    @property
    def file(self) -> str:
        return self.path


class ImportedModel(Section):
    """The unknown model behind imported responses; it has no file."""

    source: Literal["imported"]
    has_file: ClassVar[bool] = False

    @property
    def file(self) -> str:
        return "imported"

    @property
    def sha256(self) -> None:
        return None

    @property
    def size_bytes(self) -> None:
        return None

    @property
    def weights(self) -> None:
        return None


ModelConfig = Annotated[PackageModel | HubModel | LocalModel | ImportedModel, Field(discriminator="source")]
