"""Progress, said while long work goes on: a line that moves on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Tell = Callable[[str], None]
"""Says what is being done now. Saying the same again is harmless."""


def quiet(_: str) -> None:
    """For those who do not want to know."""


@contextmanager
def telling() -> Iterator[Tell]:
    """Tell on stderr, so that stdout has results only."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _moving(console) as tell:
            yield tell
    else:
        yield _plain(console)


@contextmanager
def _moving(console: Console) -> Iterator[Tell]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")
        yield lambda text: progress.update(task, description=text)


def _plain(console: Console) -> Tell:
    last = ""

    def tell(text: str) -> None:
        nonlocal last
        if text != last:
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        last = text

    return tell
