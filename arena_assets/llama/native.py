"""Owner of llama.cpp's model handle: weights, vocabulary, metadata. Failures raise with their meaning."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import llama_cpp

from arena_assets.errors import ModelError
from arena_assets.llama.build import supports_gpu
from arena_assets.llama.closing import Closing
from arena_assets.llama.gguf import MAGIC, other_beginning
from arena_assets.llama.log import forget_words, last_words
from arena_assets.llama.tokens import Outside, Special, Tokeniser

_SPECIAL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
_SPECIAL |= llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN


class Model(Closing):
    """A loaded GGUF file: weights, vocabulary and chat template. Close it, or use it as a context manager.

    Once it is closed every call raises ModelError. With `vocab_only` no weights are read, which is enough for templates
    and tokens.

    Raises:
        ModelError: the file is missing, no GGUF, truncated, of a kind that does not write token by token, or GPU layers
            are asked of a build without GPU support.
    """

    def __init__(self, path: Path, *, n_gpu_layers: int = 0, exact: bool = True, vocab_only: bool = False) -> None:
        _require_gguf(path)
        if n_gpu_layers and not supports_gpu():
            raise ModelError(
                f"n_gpu_layers is {n_gpu_layers}, but this build of llama-cpp-python has no GPU support; "
                "install one that has (docs/full_experiment.md, 'GPU'), or set n_gpu_layers: 0"
            )
        self.path, self.n_gpu_layers = path, n_gpu_layers
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        params.vocab_only = vocab_only
        if n_gpu_layers == 0:
            # Else a build with GPU support computes wide batches on the GPU all the same, and narrow ones on the CPU.
            params.split_mode, params.main_gpu = llama_cpp.LLAMA_SPLIT_MODE_NONE, -1
        # Repacked weights run in kernels that take several rows at a time, so a row's result depends on its neighbours.
        params.use_extra_bufts = not exact
        llama_cpp.llama_backend_init()
        forget_words()
        self._handle = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._handle:
            raise ModelError(
                f"{path.name} cannot be loaded: {last_words('llama.cpp gives no reason')}. "
                "The file may be truncated or of an unknown architecture; fetch it again with `arena fetch-model`"
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self._handle)
        self.vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        # Of the vocabulary alone llama.cpp keeps no limit, but the file states it.
        stated = self.metadata(f"{self.metadata('general.architecture')}.context_length") if vocab_only else None
        self.context_limit = int(stated or llama_cpp.llama_model_n_ctx_train(self._handle))
        if not vocab_only:
            self._require_next_token()

    @property
    def handle(self) -> object:
        if self._handle is None:
            raise ModelError(f"{self.path.name} was closed")
        return self._handle

    @property
    def vocab(self) -> object:
        """llama.cpp's vocabulary."""
        if self._handle is None:
            raise ModelError(f"{self.path.name} was closed, and its vocabulary with it")
        return self._vocab

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_model_free(self._handle)
            self._handle = None

    @property
    def drops_last_token(self) -> bool:
        """Whether a sequence's last token can be taken back: a recurrent state keeps none of the states before it."""
        handle = self.handle
        return not (llama_cpp.llama_model_is_recurrent(handle) or llama_cpp.llama_model_is_hybrid(handle))

    def tokenise(self, text: str, *, special: bool | Outside) -> list[int]:
        """Token ids of a text that begins a conversation.

        Only with `special` does text such as `<|im_end|>` or `<tool_call>` become a control or user-defined token; with
        `Outside` it does where it touches none of a message's spans, and all else is tokenised as one text.
        """
        return self._tokeniser.tokenise(text, special)

    def tokenise_response(self, text: str) -> list[int]:
        """Token ids of a text that this model is to write after a prompt: no blank of SentencePiece's own before it,
        control tokens' text is text, user-defined tokens (`<think>`) are the tokens that it would write."""
        return self._tokeniser.response(text)

    def text(self, tokens: Sequence[int]) -> str:
        """Text of token ids, control tokens left out; bytes that are no UTF-8 (a cut character) become U+FFFD."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")

    def ends_turn(self, token: int) -> bool:
        """Whether sampling this token ends the response."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    @property
    def end_of_turn(self) -> int:
        """The token that ends an assistant's turn: the vocabulary's end of turn, else its end of text."""
        eot = int(llama_cpp.llama_vocab_eot(self.vocab))
        return eot if eot >= 0 else int(llama_cpp.llama_vocab_eos(self.vocab))

    def metadata(self, key: str) -> str | None:
        size = 1 << 16
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = int(llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, size))
            if count < size:
                return None if count < 0 else buffer.value.decode("utf-8", "replace")
            size = count + 1  # what does not fit is cut

    @property
    def chat_template(self) -> str | None:
        return self.metadata("tokenizer.chat_template")

    @property
    def bos(self) -> tuple[int, str] | None:
        """Id and text of the begin-of-text token, where the vocabulary has one."""
        token = int(llama_cpp.llama_vocab_bos(self.vocab))
        return None if token < 0 else (token, self.name(token))

    @property
    def adds_bos(self) -> bool:
        return bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))

    @property
    def eos_text(self) -> str:
        token = int(llama_cpp.llama_vocab_eos(self.vocab))
        return "" if token < 0 else self.name(token)

    def piece(self, token: int) -> bytes:
        """What a token adds to a text; nothing for a control token."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = int(llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, False))
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def name(self, token: int) -> str:
        """How the vocabulary writes a token, a control token, too."""
        return (llama_cpp.llama_vocab_get_text(self.vocab, token) or b"").decode("utf-8", "replace")

    @property
    def special_texts(self) -> tuple[str, ...]:
        """Texts that become one token wherever the template writes them, and stay text within a message."""
        return self._tokeniser.special_texts

    @cached_property
    def _tokeniser(self) -> Tokeniser:
        blank = llama_cpp.llama_vocab_type(self.vocab) != llama_cpp.LLAMA_VOCAB_TYPE_BPE
        return Tokeniser(self._encode, tuple(self._specials()), blank=blank)

    def _specials(self) -> Iterator[Special]:
        for token in range(self.vocab_size):
            attributes = int(llama_cpp.llama_vocab_get_attr(self.vocab, token))
            if attributes & _SPECIAL:
                yield Special(
                    self.name(token),
                    user_defined=bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED),
                    strips_left=bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP),
                    strips_right=bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP),
                )

    def _encode(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        tokens = (llama_cpp.llama_token * size)()
        count = int(llama_cpp.llama_tokenize(self.vocab, data, len(data), tokens, size, False, special))
        if count < 0:
            raise ModelError(
                f"{self.path.name}: a text of {len(data)} bytes cannot be tokenised (llama.cpp says {count})"
            )
        return list(tokens[:count])

    def _require_next_token(self) -> None:
        """Refuse what has no distribution of the next token: encoders, and models that fill in all places at once."""
        handle = self.handle
        kind = None
        if llama_cpp.llama_model_has_encoder(handle) or not llama_cpp.llama_model_has_decoder(handle):
            kind = "has an encoder, which reads the prompt apart"
        elif llama_cpp.llama_model_is_diffusion(handle):
            kind = "is a diffusion model, which does not write from left to right"
        if kind:
            architecture = self.metadata("general.architecture")
            self.close()
            raise ModelError(
                f"{self.path.name} ({architecture}) {kind}: its responses have no log-probability token by token; "
                "name a decoder-only model under models:"
            )


def _require_gguf(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"the model file {path} does not exist; run `arena fetch-model` to get it")
    found = other_beginning(path)
    if found is not None:
        raise ModelError(f"{path.name} is no GGUF file (it begins with {found!r}, not {MAGIC!r}); name a GGUF file")
