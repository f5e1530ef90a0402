"""`vedette operator`: a key with which a person signs what agents are to do. It never leaves his machine."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cyclopts import App, Parameter

from vedette.model.errors import SettingError
from vedette.model.operator_key import fingerprint, ssh_line

app = App(name="operator", help="Keys of people who may command agents.")

PASSWORD_CHARS_MIN: Final = 10
BYTES_MAX: Final = 65_536
PasswordFile = Annotated[Path | None, Parameter(help="a file that holds the key's password")]


@app.command
def key(
    file: Path,
    *,
    name: Annotated[str, Parameter(help="whose key it is: stands behind the public half")] = "",
    password: Annotated[bool, Parameter(negative=(), help="ask for a password that protects it")] = False,
    password_file: PasswordFile = None,
) -> None:
    """Make an Ed25519 key in a new file that only you may read, and print its public half.

    Parameters
    ----------
    file
        Where the key is to be kept: nowhere that a server or an agent can read.
    """
    if not name.isprintable() or len(name) > 80:  # noqa: PLR2004 - as the server's list has it
        raise SettingError("--name: at most 80 printable characters")
    secret = _new_password(ask=password, file=password_file)
    made = Ed25519PrivateKey.generate()
    kept = BestAvailableEncryption(secret) if secret else NoEncryption()
    _write(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
    if not secret:
        sys.stderr.write(f"{file} has no password: whoever reads it may command your agents\n")
    _tell(made, name)


@app.command
def public(file: Path, *, name: str = "", password_file: PasswordFile = None) -> None:
    """Print the public half of a key that you have.

    Parameters
    ----------
    file
        The key's file.
    """
    content = _content(file)
    try:
        held = load_pem_private_key(content, _password(file, content, password_file))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingError(f"{file} is no key, or the password is not its own") from error
    if not isinstance(held, Ed25519PrivateKey):
        raise SettingError(f"{file} holds another kind of key: Ed25519 is needed")
    _tell(held, name)


def _tell(held: Ed25519PrivateKey, name: str) -> None:
    raw = held.public_key().public_bytes_raw()
    line = ssh_line(raw, name)
    sys.stdout.write(f"{line}\n")
    sys.stderr.write(
        f"fingerprint {fingerprint(raw)}\n"
        f"on each agent's host: vedette agent trust {raw.hex()} --dir FOLDER\n"
        "to show it to your team: Operators' keys, or POST /api/v1/operator-keys\n"
    )


def _write(file: Path, content: bytes) -> None:
    """Into a new file alone: a key that was overwritten is gone."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SettingError(f"{file} is there already: name another one; a key is never overwritten") from None
    except OSError as error:
        raise SettingError(f"cannot write {file}: {error.strerror}") from error


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as held:
            return held.read(BYTES_MAX)
    except OSError as error:
        raise SettingError(f"cannot read {file}: {error.strerror}") from error


def _new_password(*, ask: bool, file: Path | None) -> bytes | None:
    if file is not None:
        secret = _of_file(file)
    elif ask:
        secret = getpass.getpass("password for the new key: ").encode()
        if getpass.getpass("once more: ").encode() != secret:
            raise SettingError("the two passwords differ: nothing was made")
    else:
        return None
    if len(secret.decode()) < PASSWORD_CHARS_MIN:
        raise SettingError(f"the password must have {PASSWORD_CHARS_MIN} characters or more")
    return secret


def _password(key_file: Path, content: bytes, file: Path | None) -> bytes | None:
    if file is not None:
        return _of_file(file)
    if b"ENCRYPTED" not in content[:100]:
        return None
    if not sys.stdin.isatty():
        raise SettingError(f"{key_file} has a password, and nobody is there to be asked: --password-file")
    return getpass.getpass(f"password of {key_file}: ").encode()


def _of_file(file: Path) -> bytes:
    try:
        return file.read_text().rstrip("\r\n").encode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--password-file: cannot read {file}") from error
