"""Rules and their limits as JSON. Part of the document of `shapes`."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from vedette.server.api.shapes import InLanguages, Shape

SUBJECTS_MAX = 500
Preset = Literal["quiet", "normal", "paranoid"]
About = Literal["validator", "node", "network", "monitor", "contact", "endpoint"]
LimitKind = Literal["whole", "number", "flag", "severity", "text"]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SubjectId = Annotated[
    str, Field(min_length=1, max_length=80, description="the id of a node, or a validator's address")
]
LimitValue = StrictBool | StrictInt | StrictFloat | Annotated[str, Field(max_length=100)]
OfRule = Annotated[dict[RuleName, LimitValue], Field(max_length=40)]
OfRules = Annotated[dict[RuleName, OfRule], Field(max_length=100)]
OfSubjects = Annotated[dict[SubjectId, OfRules], Field(max_length=SUBJECTS_MAX)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1, description="as it was read last")]


class LimitShape(Shape):
    """One limit of a rule: what it would be, and what it is."""

    name: str
    kind: LimitKind
    unit: str | None = Field(description="as its name ends: ms, days, bytes, ratio, blocks, ...")
    default: LimitValue = Field(description="the rule's own")
    preset: LimitValue = Field(description="as the preset and the server's settings have it")
    team: LimitValue | None = Field(description="what your team set; null: nothing")
    value: LimitValue = Field(description="what holds for all that has no limit of its own")


class Recent(Shape):
    fired_30d: int = Field(description="incidents of the last 30 days that were told or noted")


class RuleShape(Shape):
    """A rule, why it is there, and what it goes by."""

    name: str
    about: About
    title: InLanguages
    why: InLanguages
    docs: str = Field(description="its place in the documentation")
    is_on: bool
    limits: list[LimitShape]
    recent: Recent


class SubjectLimits(Shape):
    """What is different for one node or validator."""

    id: str
    name: str
    kind: About
    rules: OfRules


class Rules(Shape):
    """All rules, as your team goes by them."""

    preset: Preset
    presets: list[Preset]
    rules: list[RuleShape]
    subjects: list[SubjectLimits]
    version: int = Field(description="send it back with a change")


class LimitsChange(Shape):
    """What your team goes by from now on, as a whole: what is left out is as the preset has it."""

    preset: Preset = "normal"
    rules: OfRules = Field(default_factory=dict)
    subjects: OfSubjects = Field(default_factory=dict)
    version: Version
