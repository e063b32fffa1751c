"""Pictures of the console's pages, taken by the Chromium or Chrome of this machine."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SETTLE_MS: Final = 5000.0  # a page is drawn whole once its stream has come
FLAGS: Final = (
    "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SHAPES: Final = {"light": (1600, 1000), "dark": (1600, 1000), "phone": (390, 844)}


def find_browser() -> str | None:
    """Return the browser that would take the pictures, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def take_pictures(browser: str, console: str, pages: Mapping[str, str], folder: Path) -> list[Path]:
    """Save each page (name -> path on the console) in light, dark and as on a phone. Raises Unavailable.

    Blocks for some seconds a page. Not from within an event loop.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise Unavailable("the package playwright is not installed: `pip install 'fedsecure[pictures]'`") from None
    taken = []
    try:
        with sync_playwright() as driver, driver.chromium.launch(executable_path=browser, args=FLAGS) as chromium:
            for (name, path), (shape, (width, height)) in itertools.product(pages.items(), SHAPES.items()):
                page = chromium.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if shape == "dark" else "light",
                    is_mobile=width < height,
                )
                page.goto(console + path)
                page.wait_for_timeout(SETTLE_MS)
                taken.append(folder / f"{name}-{shape}.png")
                page.screenshot(path=taken[-1])
                page.close()
    except (Error, OSError) as error:
        raise Unavailable(f"{browser} took no pictures ({type(error).__name__})") from None
    return taken
