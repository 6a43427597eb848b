"""Templates and assets of the pages people look at: the market's public page and the operators' console."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
