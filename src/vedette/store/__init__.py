"""What is remembered: one schema on two databases, and functions named for what happens in the world.

Every function takes the connection first, then (where rows have an owner) the reader. Functions that write
are given to `Database.write` as a deed; functions that only read run inside `Database.read`.
"""
