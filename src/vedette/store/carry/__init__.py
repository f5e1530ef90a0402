"""Carrying a history of the PoS chain from one installation to another, in one file.

`leave` writes what a database holds of the chain into a file, `arrive` merges a file into a database. The
file (`file`) holds records (`records`) that speak of addresses and names: the numbers of accounts and
witnesses are each database's own. What belongs to a team is never in it.
"""
