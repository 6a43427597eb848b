"""Encryption of everything Temporal stores: AES-256-GCM with a key ring.

The first key of the ring encrypts; every key of the ring decrypts, so a rotation puts a new key in front
and leaves the old ones until the last history under them is gone. The key's id travels with the payload.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

_ENCODING = b"binary/encrypted"
_NONCE_BYTES = 12


class KeyRingError(ValueError):
    """The ring cannot be read, or lacks the key a payload was encrypted with."""


def parse_key_ring(text: str) -> dict[str, bytes]:
    """``id:base64(32 bytes)`` entries, comma separated, the active one first. Raises KeyRingError."""
    ring: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise KeyRingError(f"payload key {key_id!r} is not base64") from error
        if not key_id or len(key) != 32:
            raise KeyRingError(f"payload key {key_id!r} must be 32 bytes")
        ring[key_id] = key
    if not ring:
        raise KeyRingError("no payload keys: set SOUK_PAYLOAD_KEYS to id:base64(32 random bytes)")
    return ring


class EncryptionCodec(PayloadCodec):
    """Encrypts whole payloads, their metadata included."""

    def __init__(self, ring: dict[str, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in ring.items()}
        self._active = next(iter(ring))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self._active.encode()
        sealed = self._ciphers[self._active].encrypt(nonce, payload.SerializeToString(), key_id)
        return Payload(metadata={"encoding": _ENCODING, "encryption-key-id": key_id}, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        key_id = payload.metadata["encryption-key-id"]
        cipher = self._ciphers.get(key_id.decode())
        if cipher is None:
            raise KeyRingError(f"no payload key {key_id.decode()!r} in the ring")
        try:
            opened = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], key_id)
        except InvalidTag as error:
            raise KeyRingError(f"a payload does not open with key {key_id.decode()!r}") from error
        return Payload.FromString(opened)


class SharedPayloadConverter(CompositePayloadConverter):
    """The SDK's pydantic converter, whose serializer and type adapters are made once for the whole process.

    The SDK makes a converter for every workflow task, and its own makes these anew: a tenth of handling a task.
    """

    _shared = tuple(PydanticPayloadConverter().converters.values())

    def __init__(self) -> None:
        super().__init__(*self._shared)


def data_converter(key_ring: str) -> DataConverter:
    """Pydantic payloads, encrypted, error messages and stack traces included."""
    return DataConverter(
        payload_converter_class=SharedPayloadConverter,
        payload_codec=EncryptionCodec(parse_key_ring(key_ring)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
