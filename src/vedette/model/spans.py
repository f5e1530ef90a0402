"""Ranges of heights, epochs or numbers that were read: apart, ascending, both ends included."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """From `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


Spans = tuple[Span, ...]


def spans(pairs: Iterable[tuple[int, int]]) -> Spans:
    """Any ranges, in any order, as spans; empty ones vanish, neighbours become one."""
    merged: list[Span] = []
    for first, last in sorted(pair for pair in pairs if pair[0] <= pair[1]):
        if merged and first <= merged[-1].last + 1:
            merged[-1] = Span(merged[-1].first, max(merged[-1].last, last))
        else:
            merged.append(Span(first, last))
    return tuple(merged)


def added(known: Spans, span: Span) -> Spans:
    """The spans with one more."""
    return spans([*known, span])


def without(known: Spans, span: Span) -> Spans:
    """The spans without the numbers of one."""
    below = ((one.first, min(one.last, span.first - 1)) for one in known)
    above = ((max(one.first, span.last + 1), one.last) for one in known)
    return spans([*below, *above])


def gaps(known: Spans, within: Span) -> Spans:
    """What of `within` is in none of the spans."""
    return tuple(_gaps(known, within))


def _gaps(known: Spans, within: Span) -> Iterator[Span]:
    at = within.first
    for span in known:
        if span.last < at:
            continue
        if span.first > within.last:
            break
        if span.first > at:
            yield Span(at, span.first - 1)
        at = span.last + 1
    if at <= within.last:
        yield Span(at, within.last)


def total(known: Spans) -> int:
    """How many numbers the spans hold."""
    return sum(span.size for span in known)
