"""Templates, assets and texts of what the API serves: the market's pages, the console, robots.txt and llms.txt."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
TEXTS = Path(__file__).parent / "texts"
