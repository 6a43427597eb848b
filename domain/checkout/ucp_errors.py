"""Refusals that the Universal Commerce Protocol names itself; the codes are its words, not ours."""

from domain.platform.errors import ErrorKind, declare

INVALID_PROFILE_URL = declare(
    "invalid_profile_url",
    ErrorKind.MALFORMED,
    "The header UCP-Agent names no profile that Souk can look up.",
    'send UCP-Agent: profile="https://..."',
)
PROFILE_UNREACHABLE = declare(
    "profile_unreachable", ErrorKind.FAILED_DEPENDENCY, "The profile named by UCP-Agent cannot be fetched."
)
PROFILE_MALFORMED = declare(
    "profile_malformed", ErrorKind.INVALID, "What was found at the profile's address is no UCP profile."
)
VERSION_UNSUPPORTED = declare(
    "version_unsupported", ErrorKind.INVALID, "Souk does not speak this version of UCP.", "GET /.well-known/ucp"
)
SIGNATURE_MISSING = declare(
    "signature_missing",
    ErrorKind.UNAUTHENTICATED,
    "This needs a signed request: anyone can name a profile.",
    "sign as RFC 9421 says with a key of the profile's signing_keys, or send a Souk API key",
)
SIGNATURE_INVALID = declare(
    "signature_invalid", ErrorKind.UNAUTHENTICATED, "The request's signature does not hold for this request."
)
KEY_NOT_FOUND = declare(
    "key_not_found", ErrorKind.UNAUTHENTICATED, "The profile publishes no key of the signature's keyid."
)
DIGEST_MISMATCH = declare("digest_mismatch", ErrorKind.MALFORMED, "The body is not the one that Content-Digest is of.")
ALGORITHM_UNSUPPORTED = declare(
    "algorithm_unsupported", ErrorKind.MALFORMED, "The signature's key is of a kind that Souk cannot check."
)
CAPABILITIES_INCOMPATIBLE = declare(
    "capabilities_incompatible",
    ErrorKind.RULE_VIOLATION,
    "The platform's profile does not have the capability that this operation belongs to.",
    "GET /.well-known/ucp",
)
SIMULATION_SECRET = declare("simulation_secret", ErrorKind.FORBIDDEN, "The Simulation-Secret is missing or wrong.")
