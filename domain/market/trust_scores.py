"""Evidence and the scores read from it.

A store keeps evidence per component, R for it and S against it, in milli-units (``U`` = 1000 is one full
review) over a prior of ``PRIOR`` on each side. A score is the mean of the Beta distribution they describe
(Jøsang & Ismail, "The Beta Reputation System", 2002), in milli-points: 50 000 at the start, never 0 and
never 100 000 for any evidence below 199 996 units. Lists are ranked by the lower end of Wilson's interval
("Probable inference, the law of succession, and statistical inference", JASA 1927). Guards the invariant
that evidence is never negative and that every number is an integer, equal on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isqrt

from domain.market.policy_checklist import PolicyField
from domain.market.trust_reasons import TrustComponent, TrustDelta
from domain.market.trust_weights import U

PRIOR = 2 * U
FULL_SCORE = 100 * U
"""100 points, in milli-points."""

WEIGHTS: Mapping[TrustComponent, int] = {
    TrustComponent.PRODUCT: 40,
    TrustComponent.CLAIM: 25,
    TrustComponent.SUPPORT: 20,
    TrustComponent.POLICY: 15,
}
RATING_COMPONENTS = (TrustComponent.PRODUCT, TrustComponent.CLAIM, TrustComponent.SUPPORT)
"""What others say of a store. Its own policy texts do not count: every store would be rated at once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Milli-units for (r) and against (s). Raises ValueError when one is negative."""

    r: int = 0
    s: int = 0

    def __post_init__(self) -> None:
        if self.r < 0 or self.s < 0:
            raise ValueError(f"evidence is never negative: r={self.r}, s={self.s}")


def faded(value: int, times: int = 1) -> int:
    """What decay leaves of an amount of evidence: floor(7x/8), as often as said."""
    while times > 0 and value > 0:
        value, times = 7 * value // 8, times - 1
    return value


@dataclass(frozen=True, slots=True)
class PolicySlot:
    """What a checklist field was worth when last set, in milli-units, and the decay generation then."""

    r: int
    s: int
    generation: int

    def faded(self, generation: int) -> tuple[int, int]:
        """(r, s) left at a later generation."""
        times = generation - self.generation
        return faded(self.r, times), faded(self.s, times)


@dataclass(frozen=True, slots=True)
class TrustState:
    """All a store's trust consists of. Its mappings are never changed in place.

    ``generation`` counts the TIME_DECAY folds that found something to fade: fading nothing changes
    nothing and leaves no row, so a replay of the rows reaches the very same state.
    """

    evidence: Mapping[TrustComponent, Evidence]
    generation: int = 0
    policy_slots: Mapping[PolicyField, PolicySlot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.evidence) != set(TrustComponent):
            raise ValueError("a trust state has evidence for every component")

    @classmethod
    def genesis(cls) -> "TrustState":
        """A store nobody knows anything about: 50 points everywhere."""
        return cls({component: Evidence() for component in TrustComponent})

    def plus(self, delta: TrustDelta) -> "TrustState":
        """The state with one component's evidence changed. Raises ValueError below zero."""
        old = self.evidence[delta.component]
        changed = Evidence(old.r + delta.dr, old.s + delta.ds)
        return replace(self, evidence={**self.evidence, delta.component: changed})


def component_score(e: Evidence) -> int:
    """Mean of Beta(PRIOR + r, PRIOR + s) in milli-points, rounded down."""
    return FULL_SCORE * (PRIOR + e.r) // (2 * PRIOR + e.r + e.s)


def _weighted(scores: Mapping[TrustComponent, int]) -> int:
    return sum(WEIGHTS[component] * scores[component] for component in TrustComponent) // 100


def overall_score(state: TrustState) -> int:
    """The four component scores weighted 40/25/20/15, in milli-points, rounded down."""
    return _weighted({component: component_score(e) for component, e in state.evidence.items()})


def wilson_rank(e: Evidence) -> int:
    """Lower Wilson bound in milli-points, rounded down exactly: no floats, equal on every machine.

    p = (P+r)/(2P+r+s), n = (2P+r+s)/U, z = 1.28. With a = P+r, b = P+s, N = a+b and z² = 1024/625 the bound
    (p + z²/2n − z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n) times 5N is (5a + 4096 − √(40960·ab/N + 4096²)) over
    (5N + 8192), in which only the root is not whole; it is rounded up.
    """
    a, b = PRIOR + e.r, PRIOR + e.s
    total = a + b
    under_root = FULL_SCORE**2 * (40_960 * a * b + 4_096**2 * total)
    root = isqrt(-(-under_root // total) - 1) + 1
    return (FULL_SCORE * (5 * a + 4_096) - root) // (5 * total + 8_192)


def rank_score(state: TrustState) -> int:
    """What lists are sorted by: the components' lower bounds weighted 40/25/20/15, in milli-points."""
    return _weighted({component: wilson_rank(e) for component, e in state.evidence.items()})


def is_rated(state: TrustState) -> bool:
    """Whether at least three units of evidence speak; a store with less is shown as unrated."""
    found = (state.evidence[component] for component in RATING_COMPONENTS)
    return sum(e.r + e.s for e in found) >= 3 * U
