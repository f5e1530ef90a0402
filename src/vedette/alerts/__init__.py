"""What is wrong now, and what to tell of it. Pure: no clock, no database, no channel."""
