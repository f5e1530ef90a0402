"""`make proof PART=name`: the long runs, each too long for `make test`. Without a name it lists them."""

import ast
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def parts() -> dict[str, Path]:
    return {file.stem.removeprefix("test_"): file for file in sorted(HERE.glob("test_*.py"))}


def main() -> int:
    wanted = sys.argv[1:]
    if not wanted:
        for name, file in parts().items():
            print(f"{name}\t{(ast.get_docstring(ast.parse(file.read_text())) or '').splitlines()[0]}")
        return 0
    if unknown := set(wanted) - parts().keys():
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts())}", file=sys.stderr)
        return 2
    return pytest.main(["-q", "-s", "-m", "proof", *(str(parts()[name]) for name in wanted)])


if __name__ == "__main__":
    sys.exit(main())
