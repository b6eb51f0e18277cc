"""Where prompts and model weights come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from arena_assets.config.base import Section, Sha256

ANY_LANGUAGE = "any"


class _Corpus(Section):
    language: str = Field("English", description="rows of another language are left out; any: none is")


class Columns(Section):
    """Which columns of a data set hold what, where it is not in the Chatbot Arena row schema."""

    prompt: str = Field(
        "prompt", min_length=1, description="texts, or conversations of which the first user turn counts"
    )
    language: str | None = Field(None, min_length=1, description="null: `language` where there is one, else detected")


class ShippedCorpus(_Corpus):
    """The project's own prompts, with the reference points that the demo's oracle needs."""

    source: Literal["shipped"]


class HubCorpus(_Corpus):
    """A data set of the Hugging Face hub in the Chatbot Arena row schema; gated sets read HF_TOKEN."""

    source: Literal["hub"]
    dataset: str
    split: str = "train"
    revision: str | None = None
    columns: Columns | None = Field(None, description="null: the Chatbot Arena row schema, or a column `prompt`")


class FileCorpus(_Corpus):
    """Local JSON lines, JSON, CSV or Parquet in the Chatbot Arena row schema, or with a column of prompts."""

    source: Literal["file"]
    path: str = Field(description="relative to the project's folder, or absolute")
    columns: Columns | None = Field(None, description="null: the Chatbot Arena row schema, or a column `prompt`")


class ImportedCorpus(Section):
    """What `arena import` read; `digest` is that of the rows, so other rows outdate what was made of these."""

    source: Literal["imported"]
    digest: Sha256
    language: str = Field(ANY_LANGUAGE, description="an import leaves no row out for its language")


CorpusConfig = Annotated[ShippedCorpus | HubCorpus | FileCorpus | ImportedCorpus, Field(discriminator="source")]


class _Model(Section):
    sha256: Sha256 | None = None
    size_bytes: int | None = Field(None, gt=0)


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

    @property
    def file(self) -> str:
        return "imported"

    @property
    def sha256(self) -> None:
        return None

    @property
    def size_bytes(self) -> None:
        return None


ModelConfig = Annotated[PackageModel | HubModel | LocalModel | ImportedModel, Field(discriminator="source")]
