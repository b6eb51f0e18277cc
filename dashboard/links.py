"""Where a mark leads: the responses behind it, as an address that can be shared."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from dashboard.views.only import Only
from dashboard.views.responses import ORDERS

PATH = "responses"  # relative, so that it holds below any base address
HINT = "A click on a mark opens its responses."


def responses(
    experiment: str, policies: Iterable[str] = (), *, order: str = "", only: Only | None = None, search: str = ""
) -> str:
    """The page of the responses of these policies, in an order (a key of `ORDERS`), of some prompts only."""
    asked = [("experiment", experiment), *(("policy", name) for name in policies)]
    if order:
        asked.append(("order", ORDERS[order]))
    if search:
        asked.append(("search", search))
    if only is not None:
        asked.append(("only", only.address))
    return f"{PATH}?{urlencode(asked)}"
