"""A node's process, in a word. A file of its own: agents have no memory to spare for the whole picture."""

from enum import StrEnum


class ProcessState(StrEnum):
    """What the agent last knew of the node's process."""

    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"
