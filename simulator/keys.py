"""RSA keys that sign tokens, and how they are published."""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from simulator.errors import Json


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key under the name (`kid`) by which tokens point to it."""

    kid: str
    private: rsa.RSAPrivateKey

    def public(self) -> Json:
        """As a JSON Web Key."""
        key: Json = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**key, "use": "sig", "kid": self.kid, "x5t": self.kid}


KeySource = Callable[[], SigningKey]
"""Where keys come from: making one takes a while, so tests bring theirs along."""


def new_key() -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKey(token_urlsafe(20), private)
