"""An agent that watches the server itself: when it is lost, people are told without it.

It asks the server for a sign of life each quarter of a minute. Without one for two minutes it tells its own
contact point; that this takes the message shows that our own line is well. If it does not, neither the server
nor we may be to blame but the line between us and the world: it is tried again, and nothing is said should
the server have answered by then.

Set up by `vedette agent sentinel`; a running agent sees the file by itself.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from vedette.agent.files import read_small, write_whole
from vedette.agent.outcry import Contact, Cry, NotTold, contact_of
from vedette.agent.troubles import Troubles
from vedette.conflux.exchange import NoReply, get_once
from vedette.model.errors import SettingError

log = logging.getLogger("vedette.agent")

FILE_NAME: Final = "sentinel.json"
STATE_NAME: Final = "sentinel-state.json"
BYTES_MAX: Final = 16_384
DEADLINE_S: Final = 10.0
LOOK_S: Final = 15.0
ALIVE: Final = b"alive"
ILL: Final = b"ill: "
REMIND_MS: Final = 4 * 3_600_000

Seconds = Annotated[float, msgspec.Meta(ge=0.1, le=86_400)]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says. `contact` is a URL with its secret: the file is for its owner alone."""

    contact: str
    after_s: Seconds = 120.0
    every_s: Seconds = LOOK_S
    pause_s: Seconds = 1_800.0
    language: Literal["en", "zh"] = "en"


class Word(StrEnum):
    """What is to be said."""

    LOST = "lost"
    STILL = "still"
    BACK = "back"


class Known(msgspec.Struct, frozen=True):
    """What outlives us. Wall times, unix milliseconds."""

    lost_at_ms: int | None = None  # it last answered then; None: nobody was told that it is lost
    told_at_ms: int | None = None  # when it was last said that it is lost


def due(known: Known, silent_ms: int, now_ms: int, watch: Watch) -> Word | None:
    """What to say, if anything; `silent_ms` is 0 when it answers."""
    since_told_ms = None if known.told_at_ms is None else now_ms - known.told_at_ms
    if not silent_ms:
        return None if known.lost_at_ms is None else Word.BACK
    if silent_ms < watch.after_s * 1000:
        return None
    if known.lost_at_ms is not None:
        return Word.STILL if since_told_ms is not None and since_told_ms >= REMIND_MS else None
    # A clock that was set back must not silence us for ever.
    calm = since_told_ms is None or since_told_ms < 0 or since_told_ms >= watch.pause_s * 1000
    return Word.LOST if calm else None


def told(known: Known, word: Word, silent_ms: int, now_ms: int) -> Known:
    """What is known once it was said."""
    if word is Word.BACK:
        return Known(None, known.told_at_ms)
    lost_at_ms = now_ms - silent_ms if known.lost_at_ms is None else known.lost_at_ms
    return Known(lost_at_ms, now_ms)


def watch_of(contact: str, after_s: float, every_s: float, pause_s: float, language: str) -> Watch:
    """Raises SettingError."""
    told = {"contact": contact, "after_s": after_s, "every_s": every_s, "pause_s": pause_s}
    try:
        return msgspec.convert(told | {"language": language}, Watch)
    except msgspec.ValidationError as error:
        raise SettingError(f"the sentinel: {error}") from error


# --- words ------------------------------------------------------------------------------------------------

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "lost": "Vedette's server {server} does not answer",
        "still": "Vedette's server {server} still does not answer",
        "back": "Vedette's server {server} answers again",
        "test": "Test: {host} watches Vedette's server {server}",
        "lost.text": (
            "Seen from {host} there was no sign of life since {since} ({span}): {why}.\n"
            "The line of {host} works, for it told you this.\n"
            "As long as the server is lost nobody is told of troubles: look at your nodes yourself.\n"
            "What to do: see whether that machine runs and is connected, then: systemctl status vedette"
        ),
        "back.text": "Seen from {host} it was lost since {since}, for {span}.",
        "test.text": "If the server is lost for {after}, {host} tells you so here.",
        "unknown": "no reason was seen",
    },
    "zh": {
        "lost": "Vedette 服务器 {server} 没有响应",
        "still": "Vedette 服务器 {server} 仍无响应",
        "back": "Vedette 服务器 {server} 已恢复响应",
        "test": "测试：{host} 正在看守 Vedette 服务器 {server}",
        "lost.text": (
            "从 {host} 看，自 {since} 起没有任何响应（{span}）：{why}。\n"
            "{host} 自身的网络正常，否则您收不到这条消息。\n"
            "服务器失联期间不会有任何告警，请自行查看节点。\n"
            "处理建议：确认该机器在运行且网络连通，然后执行：systemctl status vedette"
        ),
        "back.text": "从 {host} 看，它自 {since} 起失联，共 {span}。",
        "test.text": "如果服务器失联超过 {after}，{host} 会在这里通知您。",
        "unknown": "原因不明",
    },
}


def cry_of(
    word: Word, server: str, silent_ms: int, since_ms: int, why: str | None, lang: Literal["en", "zh"]
) -> Cry:
    """The message."""
    words = WORDS[lang]
    values = {
        "server": _host(server),
        "host": socket.gethostname(),
        "since": f"{datetime.fromtimestamp(since_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "span": _span(silent_ms, lang),
        "why": why or words["unknown"],
    }
    text = words["back.text" if word is Word.BACK else "lost.text"].format(**values)
    facts = {"server": _host(server), "host": values["host"], "since_ms": since_ms}
    return Cry(word.value, words[word.value].format(**values), text, facts)


def trial_of(server: str, watch: Watch) -> Cry:
    words, host = WORDS[watch.language], socket.gethostname()
    values = {
        "server": _host(server),
        "host": host,
        "after": _span(int(watch.after_s * 1000), watch.language),
    }
    text = words["test.text"].format(**values)
    return Cry("test", words["test"].format(**values), text, {"server": _host(server), "host": host})


def _host(server: str) -> str:
    return urlsplit(server).netloc.rpartition("@")[2]


def _span(span_ms: int, lang: Literal["en", "zh"]) -> str:
    minutes, seconds = divmod(span_ms // 1000, 60)
    if lang == "zh":
        return f"{minutes} 分 {seconds} 秒" if minutes else f"{seconds} 秒"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


# --- files ------------------------------------------------------------------------------------------------


def read_watch(folder: Path) -> Watch | None:
    """None when nobody asked for it. Raises SettingError."""
    path = folder / FILE_NAME
    try:
        content = read_small(path, BYTES_MAX)
        return None if content is None else msgspec.json.decode(content, type=Watch)
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise SettingError(f"{path} cannot be used: {error}; run vedette agent sentinel again") from error


def write_watch(folder: Path, watch: Watch) -> Path:
    """For its owner alone. Raises SettingError."""
    path = folder / FILE_NAME
    try:
        write_whole(path, msgspec.json.encode(watch), mode=0o600)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def end_watch(folder: Path) -> bool:
    """False when there was none. Raises SettingError."""
    try:
        (folder / FILE_NAME).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SettingError(f"{folder / FILE_NAME} cannot be removed: {error.strerror}") from error
    return True


def silence_of(server: str) -> str | None:
    """Why there is no sign of life; None: there is one."""
    try:
        reply = get_once(f"{server.rstrip('/')}/healthz", deadline_s=DEADLINE_S, bytes_max=BYTES_MAX)
    except NoReply as error:
        return str(error)
    if reply.status == HTTPStatus.OK and reply.body.startswith(ALIVE):
        return None
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE and reply.body.startswith(ILL):
        return "it answers, and says that it judges or tells no more"
    return f"what answers there is not Vedette (HTTP {reply.status})"


# --- the watch --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found: 0 when the server answered."""

    silent_ms: int
    why: str | None


class Sentinel:
    """One thread. Raises nothing: whatever is wrong with its file is said, and looked at again."""

    def __init__(self, folder: Path, server: str, troubles: Troubles) -> None:
        self._folder = folder
        self._server = server
        self._troubles = troubles
        self._answered_at_s = time.monotonic()
        self._known = self._remembered()
        self._line_failed = False

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        before: Watch | None = None
        ended = False
        while not ended:
            watch = self._watch()
            if watch is not None:
                if before is None:
                    self._answered_at_s = time.monotonic()  # what was before we watched is not silence
                    log.info("watching the server itself, to tell %s", contact_of(watch.contact).hint)
                self.look(watch, contact_of(watch.contact))
            before = watch
            ended = stop.wait(LOOK_S if watch is None else watch.every_s)

    def _watch(self) -> Watch | None:
        try:
            watch = read_watch(self._folder)
            if watch is not None:
                contact_of(watch.contact)
        except SettingError as error:
            self._troubles.say("sentinel", str(error))
            return None
        self._troubles.over("sentinel", "the sentinel's file can be read again")
        return watch

    def look(self, watch: Watch, contact: Contact) -> None:
        """One look at the server, and what there is to say."""
        why = silence_of(self._server)
        now_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
        if why is None:
            self._answered_at_s = now_s
            self._line_is_well()
        look = _Look(0 if why is None else max(1, int((now_s - self._answered_at_s) * 1000)), why)
        word = due(self._known, look.silent_ms, now_ms, watch)
        if word is not None:
            self._say(word, look, now_ms, watch, contact)

    def _say(self, word: Word, look: _Look, now_ms: int, watch: Watch, contact: Contact) -> None:
        after = told(self._known, word, look.silent_ms, now_ms)
        since_ms = self._known.lost_at_ms or after.lost_at_ms or now_ms
        cry = cry_of(word, self._server, now_ms - since_ms, since_ms, look.why, watch.language)
        try:
            contact.send(cry)
        except NotTold as error:
            self._line_failed = look.silent_ms > 0
            line = f"neither the server nor {contact.hint} can be reached: our own line may be down ({error})"
            said = (
                line if self._line_failed else f"{contact.hint} was not told that the server is back: {error}"
            )
            self._troubles.say("sentinel contact", said)
            return
        self._troubles.over("sentinel contact", f"{contact.hint} takes messages again")
        log.warning("told %s: %s", contact.hint, cry.title)
        self._line_failed = False
        self._keep(after)

    def _line_is_well(self) -> None:
        if self._line_failed:
            self._line_failed = False
            self._troubles.over("sentinel contact", "our own line was down: the server answers again")

    def _remembered(self) -> Known:
        with contextlib.suppress(OSError, msgspec.MsgspecError, RecursionError):
            content = read_small(self._folder / STATE_NAME, BYTES_MAX)
            if content is not None:
                return msgspec.json.decode(content, type=Known)
        return Known()

    def _keep(self, known: Known) -> None:
        self._known = known
        try:
            write_whole(self._folder / STATE_NAME, msgspec.json.encode(known), mode=0o600)
        except OSError as error:
            self._troubles.say("sentinel state", f"cannot keep what was told of the server: {error}")
