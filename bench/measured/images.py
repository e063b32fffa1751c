"""What the two container images add to Python's own: their libraries on disk, laid out as the Dockerfile lays them out."""

from __future__ import annotations

import compileall
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.row import Row

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = {"core": "requirements-core.txt", "full": "requirements.txt"}
NEVER_READ: Final = ("bin", "tensorflow/include")
SOURCES: Final = frozenset({".pyi", ".pyx", ".pxd", ".h", ".c"})
NOTE: Final = "bytes of all files, as an image's size is reckoned, beside Python's own slim image"


def measure(*, quick: bool) -> list[Row]:
    """Return megabytes of each image's libraries with their byte code. Installs them from the package index or its cache."""
    images = ["core"] if quick else list(IMAGES)
    return [Row(f"libraries of the image {name}", _libraries_mb(IMAGES[name]), "MB", note=NOTE) for name in images]


def _libraries_mb(requirements: str) -> float:
    with TemporaryDirectory(prefix="fedsecure-bench-") as folder:
        library = Path(folder)
        options = ("--quiet", "--no-deps", "--require-hashes", "--link-mode", "copy", "--target", folder)
        command = (ROOT / ".tools/bin/uv", "pip", "install", *options, "--requirement", ROOT / requirements)
        subprocess.run(command, check=True, cwd=ROOT)
        unread = [library / name for name in NEVER_READ]
        for path in (*unread, *[path for path in library.rglob("tests") if path.is_dir()]):
            shutil.rmtree(path, ignore_errors=True)
        for path in [path for path in library.rglob("*") if path.suffix in SOURCES]:
            path.unlink()
        compileall.compile_dir(folder, quiet=2, workers=1)
        return _files_mb(library.rglob("*"))


def _files_mb(paths: Iterable[Path]) -> float:
    return sum(path.lstat().st_size for path in paths) / 1e6
