"""The enrolment token that is made when none was configured."""

import logging
import os
import secrets
from pathlib import Path

from vedette.model.errors import SettingError
from vedette.server.settings import Settings, token

log = logging.getLogger(__name__)

FILE_NAME = "ingest-token"


def ingest_token(settings: Settings) -> str:
    """The configured token; else the one beside the database, made at the first start, for our eyes only."""
    if settings.ingest_token is not None:
        return settings.ingest_token
    if "://" in settings.database:
        raise SettingError(
            "missing setting: ingest_token (or ingest_token_file): with PostgreSQL none is made for you"
        )
    path = Path(settings.database).absolute().parent / FILE_NAME
    made = _make(path)
    if made:
        log.info("an enrolment token for agents was made: %s", path)
    return _read(path)


def _make(path: Path) -> bool:
    """Write a new token under another name first: whoever reads the file finds a whole one or none."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False  # another server was quicker
    except OSError as error:
        raise SettingError(f"cannot write the enrolment token {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return True


def _read(path: Path) -> str:
    try:
        return token(path.read_text())
    except OSError as error:
        raise SettingError(f"cannot read the enrolment token {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(
            f"the enrolment token {path} must be {error}; remove the file for a new one"
        ) from error
