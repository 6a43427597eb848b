"""The market's activities. Workflows see only ``signatures``; the rest touches the database."""
