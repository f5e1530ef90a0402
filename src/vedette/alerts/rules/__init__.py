"""One file a rule: a frozen limit, the findings of a view, and how such a trouble ends."""
