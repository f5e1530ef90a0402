"""A made-up PoS history of the shape and size of mainnet's, served as a node would serve it.

    options ── plan ──▶ growth ──▶ rows, one an epoch          what must be known of all that went before
                          │
                        leaves ──▶ pages ──▶ node ──▶ serve    an epoch's blocks, made when they are asked for

Everything follows from the seed: a longer history begins with the shorter one, byte for byte. Pure up to
`network`; `node` knows a head and faults, `serve` the sockets.
"""
