"""The command line. Each room brings its own commands; one is imported only when it is entered."""

import os
import sys

from cyclopts import App

import vedette
from vedette.model.errors import VedetteError

app = App(
    name="vedette",
    help="Keeps watch over Conflux validators and nodes.",
    version=vedette.__version__,
)
app.command(
    "vedette.agent.commands:app", name="agent", help="Watch the node beside it and report to a server."
)
app.command("vedette.server.commands:serve", name="serve", help="Remember, judge, tell and show.")
app.command("vedette.server.commands:openapi", name="openapi", help="Print the API's OpenAPI document.")
app.command("vedette.server.user_commands:app", name="user", help="People who may sign in.")
app.command(
    "vedette.server.history_commands:app",
    name="history",
    help="Carry the chain's past between installations.",
)
app.command(
    "vedette.server.networks_commands:app",
    name="networks",
    help="What is known of the public networks, and newer data in its place.",
)
app.command(
    "vedette.server.geo_commands:app", name="geo", help="The file by which nodes are placed on the map."
)
app.command(
    "vedette.agent.operator_commands:app", name="operator", help="Keys of people who may command agents."
)
app.command("vedette.server.key_commands:app", name="key", help="API keys: tokens for programs.")
app.command(
    "vedette.server.forget_commands:app", name="forget", help="Forget a team, a person or a node for good."
)
app.command("vedette.server.rule_commands:rules", name="rules", help="What is judged by, and why.")
app.command(
    "vedette.server.rule_commands:tales", name="tales", help="Play stories through the rules: do they hold?"
)
app.command("vedette.server.audit_commands:app", name="audit", help="The log of who did what.")
app.command(
    "vedette.server.secrets_commands:app",
    name="secrets",
    help="The key file that seals secrets.",
)
app.command("vedette.devnet.commands:app", name="devnet", help="Run real Conflux validators on loopback.")
app.command(
    "vedette.replay.commands:replay", name="replay", help="Serve a made-up PoS history of mainnet's shape."
)
app.command("vedette.devnet.demo:demo", name="demo", help="Four real validators, watched on a web page.")


def main() -> None:
    """Run one command. What a person must put right is one line on stderr and status 2."""
    try:
        app()
    except VedetteError as error:
        fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("vedette"):
            raise
        fail(
            f"this command needs the server's parts ({error.name} is missing): pip install 'vedette[server]'"
        )
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read our output, as `head` does, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def fail(line: str) -> None:
    print(f"vedette: {line}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
