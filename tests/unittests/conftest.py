"""Makes the helpers of tests/ importable, and begins with the long files."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# Few tests, and minutes of them: begun last, one would leave a core idle.
LONG = {
    "test_recipe_rows",
    "test_two_processes",
    "test_systems",
    "test_esd_recipe",
    "test_tutorial",
    "test_paper_command",
}


def pytest_collection_modifyitems(items):
    """Puts the long files first; the others keep their order."""
    items.sort(key=lambda item: item.path.stem not in LONG)
