#!/usr/bin/env python3
"""Build the images of the runtime and of the operator, with docker where it is, else with buildah.

    tools/images.py tag        print the images' tag
    tools/images.py build      build what changed, and print the images' names
    tools/images.py load       build, and load them into the test cluster (tools/cluster)
    tools/images.py kind NAME  build with docker, and load them into the kind cluster NAME

The tag is the version and a hash of all that goes into the images, so an unchanged tree builds nothing. Without docker
the Debian packages buildah and mmdebstrap are installed, and Debian's own Python stands in for the official base image;
inside the build pip uses this machine's settings (index and certificates), which stay out of the images.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster.lifecycle import load as load_into_nodes
from cluster.place import CACHE
from cluster.requirements import require

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("runtime", "operator")
HOME = CACHE / "images"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
QUOTES = "'\""
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "timeout")
BASE = "docker.io/library/python:3.11-slim"
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
BASE_LEAVES_OUT = ("doc", "man", "locale", "info")
BASE_DOCKERFILE = """\
FROM scratch
ADD base.tar /
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
"""


def version() -> str:
    return str(runpy.run_path(str(ROOT / "runtime/peavine/version.py"))["__version__"])


@functools.cache
def sources() -> dict[str, bytes]:
    """Return every file that goes into the images as it is now, so that what changes meanwhile cannot get in."""
    found = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    for folder in ("runtime", "operator", "images"):
        found += (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(found)}


@functools.cache
def tag() -> str:
    """Return the images' tag: the version and a hash of what goes into them."""
    hashed = hashlib.sha256()
    for name, content in sources().items():
        hashed.update(f"{name} {len(content)}\n".encode() + content)
    return f"{version()}-{hashed.hexdigest()[:10]}"


def image(name: str) -> str:
    return f"docker.io/peavine/{name}:{tag()}"


def has_docker() -> bool:
    return bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True).returncode


def build_with_docker() -> None:
    for name in NAMES:
        arguments = ["--build-arg", f"VERSION={version()}", "-t", image(name), "-f", f"images/{name}/Dockerfile"]
        subprocess.run(["docker", "build", *arguments, "."], check=True, cwd=ROOT)


def archive(name: str) -> Path:
    """Return where the archive of an image is, for nodes to import."""
    return HOME / f"{name}-{tag()}.tar"


def build_with_buildah() -> None:
    """Make the archives that are not there, and remove those of earlier sources."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "build.lock", "w") as lock:  # a second build waits for the first, and finds its work done
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in NAMES if not archive(name).exists()]
        if missing:
            _build(missing)


def _build(missing: Sequence[str]) -> None:
    require({"buildah": "buildah", "mmdebstrap": "mmdebstrap"})
    context = HOME / "context"
    shutil.rmtree(context, ignore_errors=True)
    for name, content in sources().items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_bytes(content)
    _make_base()
    for name in missing:
        print(f"building {image(name)}", flush=True)
        dockerfile = context / "images" / name / "Dockerfile"
        arguments = ["--layers", "--build-arg", f"VERSION={version()}", "-t", image(name), "-f", str(dockerfile)]
        _buildah("bud", "--pull-never", "--network", "host", *_mounts(), *arguments, str(context))
        made = archive(name)
        partial = made.with_suffix(".new")
        partial.unlink(missing_ok=True)
        _buildah("push", "--quiet", image(name), f"docker-archive:{partial}:{image(name)}")
        partial.rename(made)
    shutil.rmtree(context)
    for old in set(HOME.glob("*-*.tar")) - {archive(name) for name in NAMES}:
        old.unlink()


def _make_base() -> None:
    recipe = hashlib.sha256(repr((BASE_PACKAGES, BASE_LEAVES_OUT, BASE_DOCKERFILE)).encode()).hexdigest()[:12]
    done = HOME / f"base-{recipe}"
    if done.exists():
        return
    print("building the base image from Debian packages", flush=True)
    folder = HOME / "base"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in BASE_LEAVES_OUT]
    hooks = [
        'rm -f "$1"/usr/lib/python3.11/EXTERNALLY-MANAGED',
        'ln -sf python3 "$1"/usr/bin/python',
        'find "$1"/usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} +',
    ]
    options += [f"--customize-hook={hook}" for hook in hooks]
    making = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={BASE_PACKAGES}", *options]
    subprocess.run([*making, "bookworm", str(folder / "base.tar")], check=True)
    (folder / "Dockerfile").write_text(BASE_DOCKERFILE)
    _buildah("bud", "-t", BASE, str(folder))
    shutil.rmtree(folder)
    done.touch()


def _mounts() -> list[str]:
    """Return the options that lend pip inside the build this machine's settings."""
    lines = ["[global]", "disable-pip-version-check = true", "root-user-action = ignore"]
    mounts = []
    if CERTIFICATES.exists():
        lines.append(f"cert = {CERTIFICATES}")
        mounts = ["-v", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
    asking = [sys.executable, "-m", "pip", "config", "list"]
    for line in subprocess.run(asking, capture_output=True, text=True).stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rsplit(".", 1)[-1]
        if name in PIP_SETTINGS:
            lines.append(f"{name} = {value.strip(QUOTES)}")
    settings = HOME / "pip.conf"
    settings.write_text("\n".join(lines) + "\n")
    return [*mounts, "-v", f"{settings}:/etc/pip.conf:ro"]


def _buildah(*argv: str) -> None:
    storage = HOME / "storage.conf"
    places = f'graphroot = "{HOME}/storage"\nrunroot = "{HOME}/run"\n'
    storage.write_text(f'[storage]\ndriver = "overlay"\n{places}')
    environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot"}
    subprocess.run(["buildah", *argv], check=True, env=environment, stdout=subprocess.DEVNULL)


def build() -> None:
    build_with_docker() if has_docker() else build_with_buildah()
    print("\n".join(image(name) for name in NAMES))


def load() -> None:
    build_with_buildah()
    load_into_nodes([archive(name) for name in NAMES])
    print("\n".join(image(name) for name in NAMES))


def kind(cluster: str) -> None:
    build_with_docker()
    subprocess.run(["kind", "load", "docker-image", "--name", cluster, *map(image, NAMES)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("tag").set_defaults(run=lambda: print(tag()))
    verbs.add_parser("build").set_defaults(run=build)
    verbs.add_parser("load").set_defaults(run=load)
    loading = verbs.add_parser("kind")
    loading.set_defaults(run=kind)
    loading.add_argument("cluster", metavar="NAME")
    options = vars(parser.parse_args())
    options.pop("verb")
    options.pop("run")(**options)


if __name__ == "__main__":
    main()
