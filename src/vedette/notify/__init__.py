"""How an incident is said, and which channel carries it. Knows incidents; knows no rule and no database."""
