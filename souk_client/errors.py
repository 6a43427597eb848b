"""What can go wrong between an agent and the market; every error of this package is a :class:`SoukError`."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import httpx

P = ParamSpec("P")
T = TypeVar("T")


class SoukError(Exception):
    """Base of what this package raises."""


class ApiProblem(SoukError):  # noqa: N818 - named after the problem document it carries
    """The market's refusal: a problem document with a stable code, and what the caller can do next.

    ``members`` is the whole document: some codes add members of their own, such as ``unit_price_cents``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        next_actions: list[Any] | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.next_actions: list[Any] = next_actions or []
        self.members: dict[str, Any] = members or {}
        super().__init__(f"{status} {code}: {detail}")

    @property
    def is_fault(self) -> bool:
        """Whether the market failed (5xx), as opposed to refusing."""
        return httpx.codes.is_server_error(self.status)


class MarketUnreachableError(SoukError):
    """Nobody answered for longer than the client's patience."""


class UnexpectedAnswerError(SoukError):
    """An answer that is none of this market's: a page of some proxy, or a version this client does not know."""


class WebhookRefusedError(SoukError):
    """A delivery that the market did not sign with this secret, or not in the last five minutes."""


def or_refusal(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | ApiProblem:
    """What the work gives, or the market's refusal of it; that the market failed is still raised.

    For what the other side may have overtaken: then the next event tells.
    """
    try:
        return work(*args, **kwargs)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return problem


def problem_of(response: httpx.Response) -> ApiProblem:
    """Read a problem document; tolerate proxies that answer with something else."""
    body: dict[str, Any] = {}
    try:
        parsed = response.json()
        if isinstance(parsed, dict):
            body = parsed
    except ValueError:
        pass
    detail = body.get("detail") or body.get("title") or response.text[:200] or response.reason_phrase
    code = str(body.get("code") or f"http.{response.status_code}")
    actions = body.get("next_actions")
    return ApiProblem(response.status_code, code, str(detail), actions if isinstance(actions, list) else None, body)
