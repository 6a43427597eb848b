"""A conversation as nested lists, line by line: how deep people answer each other costs no depth of ours."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from uuid import UUID

from db.market.tables import Message

DEEPEST = 8
"""From here on answers stand beside each other and say whom they answer."""


@dataclass(slots=True)
class Line:
    """A message, and which lists open and close after it.

    ``answers``: the message it answers, where its place does not show that.
    """

    message: Message
    depth: int
    answers: Message | None
    opens: bool = False
    closes: int = 0


def lines_of(messages: Sequence[Message]) -> list[Line]:
    """Messages with their answers below them, oldest first. One whose parent is not shown stands by itself."""
    known = {message.message_id: message for message in messages}
    answers: dict[UUID | None, list[Message]] = defaultdict(list)
    for message in messages:
        parent_id = message.parent_message_id
        answers[parent_id if parent_id in known else None].append(message)
    lines: list[Line] = []
    waiting = [(message, 0) for message in reversed(answers[None])]
    while waiting:
        message, depth = waiting.pop()
        parent = known.get(message.parent_message_id) if message.parent_message_id else None
        shown = min(depth, DEEPEST)
        lines.append(Line(message, shown, parent if depth > DEEPEST else None))
        waiting += ((answer, depth + 1) for answer in reversed(answers[message.message_id]))
    for line, following in zip_longest(lines, lines[1:]):
        depth = following.depth if following is not None else 0
        line.opens = depth > line.depth
        line.closes = max(0, line.depth - depth)
    return lines
