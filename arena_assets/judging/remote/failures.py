"""What an error of a server means: one item's, worth another try, or every further call's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from arena_assets.errors import JudgeError
from arena_assets.judging.remote.prompt import RemoteConfig
from arena_assets.judging.remote.request import url

# The client waits no longer for a Retry-After.
LONGEST_WAIT = 120.0
# The item itself may be what is refused: its length, its words.
OF_THE_ITEM = frozenset({400, 403, 413, 422, 451})

_FILTERED = re.compile(
    r"content.?(?:filter|policy|management)|moderat|flagged|responsibleai|data_inspection|"
    r"safety (?:system|filter|policy)",
    re.IGNORECASE,
)


class CallFailedError(Exception):
    """A call that failed although it was tried as often as configured; its text is the item's reason.

    status: of HTTP, where the server answered at all. complaint: the server's own words.
    """

    def __init__(self, reason: str, status: int | None = None, complaint: str = "") -> None:
        super().__init__(reason)
        self.status, self.complaint = status, complaint

    @property
    def of_the_item(self) -> bool:
        return self.status in OF_THE_ITEM

    @property
    def filtered(self) -> bool:
        """Whether a filter that names itself refused the item: its words are about those of the item."""
        return self.of_the_item and _FILTERED.search(self.complaint) is not None

    @property
    def may_be_the_key(self) -> bool:
        """Whether the server may have refused the key as well as the item."""
        return self.status == 403 and not self.filtered


def worth_another_try(status: int | None) -> bool:
    return status is None or status in (408, 409, 425, 429) or status >= 500


def failure(
    config: RemoteConfig, status: int | None, words: str, headers: Mapping[str, str], tried: str
) -> JudgeError | CallFailedError:
    """The error for an answer with an error's status; `words` are the server's, without the key."""
    where = url(config)
    if status == 401:
        return key_refused(config, status, words)
    if status == 402:
        return JudgeError(f"{where}: the account has no credit (HTTP 402): {words}. What was answered is kept")
    if status == 404 and "parameters" not in words:  # OpenRouter's word for what no provider of the model understands
        return JudgeError(f"{where} does not know the model {config.model}, or the path (HTTP 404): {words}")
    if (wait := _seconds(headers.get("retry-after"))) > LONGEST_WAIT:
        return JudgeError(f"{where} asks to wait {wait:.0f} s: {words}. What was answered is kept; re-run after that")
    if status == 429 and "insufficient_quota" in words:
        return JudgeError(
            f"{where}: the account's quota is used up: {words}. What was answered is kept; top up and re-run"
        )
    said = "an error in its answer" if status is None else f"HTTP {status}"
    often = f" {tried}" if worth_another_try(status) else ""
    return CallFailedError(f"{said}{often}: {words}", status, words)


def key_refused(config: RemoteConfig, status: int | None, words: str) -> JudgeError:
    name = config.api_key_env or "api_key_env (none is configured)"
    return JudgeError(
        f"{url(config)} refused the key with HTTP {status}: check that {name} holds a valid key of that server, with "
        f"access to the model {config.model}. The server says: {words}. What was answered is kept"
    )


def _seconds(header: str | None) -> float:
    try:
        return float(header or 0)
    except ValueError:
        return 0.0  # a date: the client has waited for it already
