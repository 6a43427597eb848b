"""The database's refusals in the words of the rules that its constraints uphold."""

from psycopg import IntegrityError

from domain.platform.errors import DomainError, find_upheld


def constraint_name(error: IntegrityError) -> str | None:
    return error.diag.constraint_name


def refusal(error: IntegrityError) -> DomainError | None:
    """The rule the database upheld, or None when the violation is a fault of ours."""
    code = find_upheld(constraint_name(error) or "")
    return code.error() if code else None
