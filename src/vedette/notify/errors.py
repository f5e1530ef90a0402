"""The one error of every channel."""


class ChannelError(Exception):
    """A message was not taken. The text names the channel and its host, never a URL: it may hold a secret.

    `permanent`: trying again cannot help (the address is gone). `retry_after_s`: the other side's wish.
    """

    def __init__(self, message: str, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
