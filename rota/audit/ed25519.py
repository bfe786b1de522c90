"""Ed25519 signatures checked in plain Python: what a bundle needs where nothing is installed.

Part of the verifier that lies in every bundle, so standard library alone. Slow (some 10 ms) and
not in constant time: it handles no secret. Signing is for `cryptography`.

*Source:* RFC 8032, section 5.1.
"""

import base64
import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_PEM = bytes.fromhex("302a300506032b6570032100")
_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % _P, y * z % _P, x * y % _P, w * z % _P)


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


def _point(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return (x, y, 1, x * y % _P)


def _is_small(point: _Point) -> bool:
    """True of the eight points that anybody can sign for: eight times such a one is zero."""
    return _times(8, point)[0] % _P == 0


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is one of `message` by the key `public`."""
    if len(public) != 32 or len(signature) != 64 or _BASE is None:
        return False
    key, commit = _point(public), _point(signature[:32])
    factor = int.from_bytes(signature[32:], "little")
    if key is None or _is_small(key) or commit is None or factor >= _L:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    left = _times(factor, _BASE)
    right = _add(commit, _times(int.from_bytes(hashed, "little") % _L, key))
    same_x = (left[0] * right[2] - right[0] * left[2]) % _P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def key_id(public: bytes) -> str:
    """Return what people call a public key: 16 digits."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_key(text: str) -> bytes:
    """Read a public key: PEM as openssl writes it, or 64 hexadecimal digits.

    Raises:
        ValueError: it is neither, or no key: what would hold for whatever anybody signs.
    """
    joined = "".join(line for line in text.strip().splitlines() if not line.startswith("-----"))
    is_hex = len(joined) == 64
    raw = _PEM + bytes.fromhex(joined) if is_hex else base64.b64decode(joined, validate=True)
    point = _point(raw[len(_PEM) :]) if len(raw) == 44 and raw.startswith(_PEM) else None
    if point is None or _is_small(point):
        raise ValueError("no Ed25519 public key: give PEM, or 64 hexadecimal digits")
    return raw[len(_PEM) :]
