"""Introducing an agent to its server by hand, once. The token is used and forgotten: no file keeps it."""

import sys
from pathlib import Path

from vedette.agent.config import Settings
from vedette.agent.files import own, read_small
from vedette.agent.identity import load_identity
from vedette.agent.memory import Memory
from vedette.agent.options import Options, over, read_options, settings_of, write_options
from vedette.agent.troubles import Troubles
from vedette.agent.upstream import TOKEN_CHARS_MAX, Undelivered, Upstream, token_in
from vedette.model.errors import SettingError

KEY, KNOWN = "agent.key", "known.json"
STDIN = "-"
HOW = "give it as the second word, or - to read it from standard input, or --token-file FILE"


def token_of(word: str | None, file: Path | None) -> str:
    """The token, from wherever it was given. Raises SettingError, which never holds what was read."""
    if (word is None) == (file is None):
        raise SettingError(f"one enrolment token is needed: {HOW}")
    try:
        text = _text(word, file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the enrolment token cannot be read: {error}") from error
    token = token_in(text)
    if token is None:
        raise SettingError(f"that is no enrolment token: it is one word on one line; {HOW}")
    return token


def _text(word: str | None, file: Path | None) -> str:
    if word == STDIN:
        return sys.stdin.read(TOKEN_CHARS_MAX + 2)
    if word is not None:
        return word
    content = read_small(file or Path(), TOKEN_CHARS_MAX)
    if content is None:
        raise FileNotFoundError(f"there is no {file}")
    return content.decode("ascii")


def enrol(folder: Path, given: Options, token: str) -> str:
    """Make the key if need be, tell the server, write the settings; the agent's id. Raises SettingError.

    The settings are written last: a file there means that the server knows this agent.
    """
    options = over(read_options(folder), given)
    settings = settings_of(folder, options)
    with own(folder):
        identity = load_identity(folder / KEY)
        upstream = Upstream(settings.server)
        try:
            upstream.enrol(identity, settings.name, settings.role, token)
        except Undelivered as error:
            raise SettingError(_refused(settings, error)) from error
        finally:
            upstream.close()
        _remember(folder, settings)
        write_options(folder, options)
    return identity.agent


def _remember(folder: Path, settings: Settings) -> None:
    """Or the agent would want a token at its first start."""
    Memory(folder / KNOWN, settings.node, Troubles()).keep(enrolled=(settings.server, settings.name))


def _refused(settings: Settings, error: Undelivered) -> str:
    if error.unknown:
        return (
            f"{settings.server} does not accept the token: it is wrong, was used, or is older than its hour"
        )
    return f"not enrolled: {error}"
