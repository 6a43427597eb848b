"""A payment handler that moves no money, for tests and the test-only mode. Its tokens say what happens."""

from domain.checkout.payments import Charge, Reply, Verdict

_CAPTURE_FAILS = "/capture-fails"


class MockPayments:
    """``success_token`` pays, ``fail_token`` is declined, ``fraud_token`` refused, ``escalate_token`` needs the buyer.

    ``capture_fails_token`` is authorized and then not captured. A card instead of a token pays. It keeps no
    state: what it was told once it answers again.
    """

    async def authorize(self, charge: Charge) -> Reply:
        token = charge.credential.get("token")
        if charge.risk_signals.get("simulation_trigger") == "escalation_required" or token == "escalate_token":  # noqa: S105
            return Reply(Verdict.NEEDS_BUYER)
        if token == "capture_fails_token":  # noqa: S105
            return Reply(Verdict.OK, charge.key + _CAPTURE_FAILS)
        if token == "fraud_token":  # noqa: S105
            return Reply(Verdict.REFUSED)
        if token == "success_token" or charge.credential.get("type") == "card":  # noqa: S105
            return Reply(Verdict.OK, charge.key)
        return Reply(Verdict.DECLINED)

    async def capture(self, charge: Charge) -> Reply:
        if (charge.reference or "").endswith(_CAPTURE_FAILS):
            return Reply(Verdict.DECLINED)
        return Reply(Verdict.OK, charge.reference)

    async def void(self, charge: Charge) -> None:
        """Nothing was reserved."""

    async def refund(self, charge: Charge) -> None:
        """Nothing was taken."""
