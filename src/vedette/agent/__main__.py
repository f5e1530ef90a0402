"""The agent's long life: `python -m vedette.agent SETTINGS`, SETTINGS being the JSON of `config.Settings`.

`vedette agent run` reads the command line and then becomes this, so that the parts which draw a fine command
line do not stay in memory for months.
"""

import os
import sys

import msgspec

from vedette.agent.agent import run
from vedette.agent.config import Settings
from vedette.model.errors import VedetteError


def main() -> int:
    try:
        settings = msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "", type=Settings)
        return run(settings)
    except (VedetteError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"vedette: {error}\n")
        return 2


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # A probe's thread may hang in a dead disk or node: do not wait for it.
    os._exit(status)
