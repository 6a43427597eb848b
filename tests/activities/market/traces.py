"""What commands leave behind, counted: a command without effect leaves these as they were."""

from tests.activities.market.scene import Scene

COUNTED = (
    "offers",
    "negotiations",
    "stock_holds",
    "stock_movements",
    "inbox_events",
    "trust_facts",
    "interaction_evidence",
    "processed_commands",
    "review_windows",
    "reviews",
    "messages",
    "threads",
    "trust_events",
    "activity_events",
)


async def counts(scene: Scene) -> list[int]:
    return [await scene.value(f"SELECT count(*) FROM {table}") for table in COUNTED]
