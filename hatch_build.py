"""Build hook placeholder; replaced by the page's build."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves its config type open
    """Builds the page."""
