"""The Markdown of DingTalk and WeCom: little of it, and nothing that a name could bring in takes effect."""

from collections.abc import Callable
from typing import Final

from vedette.notify.kinds.kind import DETAILS, cut, links, plain_body
from vedette.notify.text import Message

# Neither says how to escape: what would open a link, a tag or a mention is written wide, as in Chinese.
WIDE: Final = str.maketrans(
    {"[": "［", "]": "］", "<": "＜", ">": "＞", "`": "｀", "*": "＊", "@": "＠", "#": "＃"}
)


def plain(text: str) -> str:
    return text.translate(WIDE)


def written(message: Message, room: int, size: Callable[[str], int], line_end: str) -> str:
    """Title, body and links within the room; the body is what is cut."""
    head = f"**{plain(message.title)}**"
    tail = " · ".join(
        f"[{plain(label)}]({_url(url)})" for label, url in links(message, DETAILS[message.lang])
    )
    gap = f"{line_end}{line_end}"
    body = plain(plain_body(message)).replace("\n", line_end)
    body = cut(body, room - size(head) - size(tail) - 2 * size(gap), size)
    return gap.join(part for part in (head, body, tail) if part)


def _url(url: str) -> str:
    """A URL that does not end the link it stands in."""
    return url.replace("(", "%28").replace(")", "%29")
