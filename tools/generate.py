"""Make what is generated: stubs from proto/, custom resources and their reference from peavine.spec.

    python tools/generate.py            write it
    python tools/generate.py --check    say what is stale, missing or left over, and exit 1 if anything is

Everything is made in a temporary folder and compared byte by byte, so --check is safe in a dirty tree.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = {"grpcio-tools": "1.78.0", "mypy-protobuf": "3.7.0"}


def stubs(target: Path) -> None:
    """Write the Python stubs of every proto file; service stubs only where there is a service."""
    import grpc_tools
    from grpc_tools import protoc

    for package, version in PINS.items():
        found = importlib.metadata.version(package)
        if found != version:
            raise SystemExit(f"tools/generate.py wants {package}=={version}, and {found} is installed")
    protos = sorted((ROOT / "proto").rglob("*.proto"))
    services = [path for path in protos if "\nservice " in path.read_text()]
    include = [f"-I{ROOT / 'proto'}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
    folder = Path(sys.executable).parent
    plugins = [f"--plugin={name}={folder / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    runs = (
        (protos, [f"--python_out={target}", f"--mypy_out=quiet:{target}"]),
        (services, [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}"]),
    )
    for files, outputs in runs:
        if protoc.main(["protoc", *include, *plugins, *outputs, *map(str, files)]):
            raise SystemExit("tools/generate.py: protoc failed")


GENERATORS = ((stubs, ROOT / "runtime", ("peavine/v1/*_pb2*",)),)
"""What makes files, the folder they belong in, and the patterns of what only it may put there."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wrong: list[str] = []
    for generate, home, patterns in GENERATORS:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            generate(made)
            fresh = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
            present = {path.relative_to(home) for pattern in patterns for path in home.glob(pattern)}
            for path in sorted(fresh | present):
                new = (made / path).read_bytes() if path in fresh else None
                old = (home / path).read_bytes() if (home / path).exists() else None
                if new == old:
                    continue
                wrong.append(f"{(home / path).relative_to(ROOT)}: {'left over' if new is None else 'stale'}")
                if check:
                    continue
                if new is None:
                    (home / path).unlink()
                else:
                    (home / path).parent.mkdir(parents=True, exist_ok=True)
                    (home / path).write_bytes(new)
    for line in wrong:
        print(line if check else f"wrote {line.split(':')[0]}")
    if check and wrong:
        raise SystemExit("run `make generate` and commit what it writes")


if __name__ == "__main__":
    main()
