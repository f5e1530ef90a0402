"""Keccak-256 as Ethereum and Conflux use it: the padding is older than SHA-3's, so hashlib cannot help."""

LANES = 25  # a 5 x 5 square of 64-bit words; lane (x, y) is at x + 5 * y
RATE = 136  # bytes absorbed at a time
MASK = (1 << 64) - 1


def keccak256(data: bytes) -> bytes:
    """Hash the bytes into 32."""
    state = [0] * LANES
    padded = _pad(data)
    for start in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _pad(data: bytes) -> bytes:
    padded = bytearray(data + bytes(RATE - len(data) % RATE))
    padded[len(data)] |= 0x01
    padded[-1] |= 0x80
    return bytes(padded)


def _permute(state: list[int]) -> list[int]:
    for constant in ROUND_CONSTANTS:
        state = _chi(_rho_and_pi(_theta(state)))
        state[0] ^= constant
    return state


def _theta(state: list[int]) -> list[int]:
    parity = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
    spread = [parity[x - 1] ^ _rotate(parity[(x + 1) % 5], 1) for x in range(5)]
    return [lane ^ spread[i % 5] for i, lane in enumerate(state)]


def _rho_and_pi(state: list[int]) -> list[int]:
    moved = [0] * LANES
    for source, target, turn in MOVES:
        moved[target] = _rotate(state[source], turn)
    return moved


def _chi(state: list[int]) -> list[int]:
    return [
        state[x + y] ^ (~state[(x + 1) % 5 + y] & MASK & state[(x + 2) % 5 + y])
        for y in range(0, LANES, 5)
        for x in range(5)
    ]


def _rotate(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & MASK


def _moves() -> list[tuple[int, int, int]]:
    """Where each lane goes and how far it turns on the way: (source, target, bits)."""
    moves = [(0, 0, 0)]
    x, y = 1, 0
    for step in range(24):
        target_x, target_y = y, (2 * x + 3 * y) % 5
        moves.append((x + 5 * y, target_x + 5 * target_y, (step + 1) * (step + 2) // 2 % 64))
        x, y = target_x, target_y
    return moves


def _round_constants() -> list[int]:
    """One bit at each position 2^j - 1, drawn from a shift register over x^8 + x^6 + x^5 + x^4 + 1."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register <<= 1
            if register > 0xFF:  # noqa: PLR2004  # the register is eight bits wide
                register ^= 0x171
        constants.append(constant)
    return constants


MOVES = _moves()
ROUND_CONSTANTS = _round_constants()
