"""Replies as a broken or hostile node might give them: what every decoder must survive."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from vedette.conflux.wire import Garbled

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just("0x1")
    | st.just("0x" + "ab" * 32),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.just("0x" + "cd" * 32), inner, max_size=4)
    ),
    max_leaves=8,
)


def broken(good: Any, data: st.DataObject) -> Any:
    """The reply with one part, at some depth, replaced by any JSON or left out."""
    part = good
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        deeper = part[key]
        if not isinstance(deeper, dict | list) or not deeper or data.draw(st.booleans()):
            break
        part = deeper
    if isinstance(part, dict) and data.draw(st.booleans()):
        del part[key]
    else:
        part[key] = data.draw(ANY_JSON)
    return good


def survives(decode: Callable[[Any], Any], raw: Any) -> None:
    try:
        decode(raw)
    except Garbled as error:
        assert str(error).isprintable()  # noqa: PT017  what it says is what is tested
        assert len(str(error)) < 400  # noqa: PT017
