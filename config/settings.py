"""Everything that can be set, from ``SOUK_*`` environment variables.

Only the composition roots (api, worker, souk) read settings; what lies below gets plain values. Nested
values use two underscores: ``SOUK_MARKET__OFFER_EXPIRY_SECONDS=30``. Three database roles are used: the
owner (migrations), the API's role (subject to row-level security) and the worker's. When only
``SOUK_DATABASE_URL`` is set, the other two are derived from it by replacing the user.
"""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.contexts import CONTEXTS
from config.reach import signs_of_others
from db.platform.roles import API_ROLE, WORKER_ROLE
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER
from domain.checkout.policy import CheckoutPolicy
from domain.market.policy import MarketPolicy
from domain.platform.contexts import Contexts
from domain.platform.numbers import Seconds
from domain.platform.outages import OutagePolicy
from domain.webhooks.policy import WebhookPolicy

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - recognised, not listened on
_LEAST_SECRET_CHARACTERS = 16


def _url(text: str) -> "URL":
    # Here, not above: whoever only reads settings, as `souk up` does, need not wait for SQLAlchemy.
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    return make_url(text)


class LimitSettings(BaseModel):
    """Request rates (``limits`` notation) and sizes. The defaults let one address run a few hundred agents.

    Further rates are those that contexts declare, by their names.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, str]

    per_address: str = "6000/minute"
    per_agent: str = "1200/minute"
    max_body_bytes: int = Field(96 * 1024, ge=1024)
    max_in_flight: int = Field(64, ge=1, description="requests at once per API process; more are told to come back")
    max_connections: int = Field(4000, ge=1, description="open connections per API process")
    max_connections_per_address: int = Field(1000, ge=1, description="of them from one address, trusted proxies aside")
    max_header_bytes: int = Field(32 * 1024, ge=1024, description="request line and headers")
    max_headers: int = Field(100, ge=10)
    header_seconds: Seconds = Field(10.0, description="from a request's first byte to the end of its headers")
    body_seconds: Seconds = Field(20.0, description="from there to the end of its body")
    idle_seconds: Seconds = Field(15.0, description="without a request: before the first and between two")
    write_seconds: Seconds = Field(20.0, description="how long a reader may be slower than the next line says")
    min_bytes_per_second: int = Field(1024, ge=1, description="at which an answer has to be read")
    max_streams: int = Field(2000, ge=1, description="open SSE connections per API process")
    max_streams_per_agent: int = Field(20, ge=1, description="of them with keys of one agent")
    max_streams_per_address: int = Field(500, ge=1, description="of them from one address")
    max_anonymous_streams: int = Field(1000, ge=0, description="of them without a key; the rest is left to agents")
    max_anonymous_streams_per_address: int = Field(100, ge=0, description="of them without a key, from one address")


class SimulationSettings(BaseModel):
    """The test-only mode: made-up shops from CSV files, a payment handler that moves no money, known addresses.

    Refused unless both are set and nothing says that others are served (``config/reach.py``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    secret: SecretStr = Field(SecretStr(""), description="what the Simulation-Secret header must say")


class Settings(BaseSettings):
    """The process's settings. Construct once per process."""

    model_config = SettingsConfigDict(
        env_prefix="SOUK_", env_nested_delimiter="__", env_nested_max_split=1, extra="ignore", frozen=True
    )

    database_url: str = Field("", description="owner's connection, postgresql://user:password@host/db")
    api_database_url: str = ""
    worker_database_url: str = ""
    pooler_url: str = Field(
        "", description="a pooler in transaction mode (PgBouncer) that API and worker go through; else straight on"
    )

    temporal_address: str = ""
    temporal_namespace: str = "souk"
    temporal_ui_url: str = ""
    temporal_codec_origins: list[str] = Field(default_factory=list, description="origins allowed at /codec")

    payload_keys: SecretStr = Field(
        SecretStr(""), description="id:base64(32 bytes), comma separated; the first one encrypts"
    )
    credential_secret: SecretStr = Field(SecretStr(""), description="keys the derivation of API keys")

    ucp_signing_keys: SecretStr = Field(
        SecretStr(""), description="base64(32 bytes), comma separated; the first one signs order webhooks"
    )

    public_url: str = Field("", description="how others reach the API, e.g. https://souk.example; not where it listens")
    allowed_hosts: list[str] = Field(
        default_factory=list, description="more Host names that /mcp answers to; loopback's and public_url's always"
    )
    serves_others: bool | None = Field(
        None, description="false: nobody but this machine reaches this Souk, by a proxy neither; unknown counts as true"
    )
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=0, le=65535)
    api_pool_size: int = Field(16, ge=1)
    worker_pool_size: int = Field(16, ge=1)
    worker_metrics_port: int = Field(0, ge=0, le=65535, description="0 serves no worker metrics")
    worker_health_dir: str = Field("", description="a file for each queue in it is touched while the worker polls it")

    update_timeout_seconds: Seconds = Field(10.0, description="how long the API waits for a process")
    idempotency_lease_seconds: Seconds = Field(15.0, description="after it a request counts as lost")
    idempotency_retention_days: int = Field(90, ge=1)
    sweep_interval_seconds: Seconds = Field(30.0, description="of the expire-offers schedule")
    trusted_proxies: str = Field("", description="addresses whose X-Forwarded-For is believed")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = True

    market: MarketPolicy = Field(default_factory=MarketPolicy)
    webhooks: WebhookPolicy = Field(default_factory=WebhookPolicy)
    checkout: CheckoutPolicy = Field(default_factory=CheckoutPolicy)
    market_settlement: bool = Field(True, description="buyers may settle without a payment handler, as orders do")
    simulation: SimulationSettings = Field(default_factory=SimulationSettings)
    outages: OutagePolicy = Field(default_factory=OutagePolicy)
    limits: LimitSettings = Field(default_factory=LimitSettings)

    @model_validator(mode="after")
    def _development_stays_on_one_machine(self) -> Self:
        """Raises ValueError for what is only for development where others are served, or half on."""
        for name, said in (
            ("SOUK_SERVES_OTHERS=false", self.serves_others is False),
            ("the simulation", self.simulation.enabled),
            ("SOUK_WEBHOOKS__ALLOW_LOOPBACK", self.webhooks.allow_loopback),
        ):
            if not said:
                continue
            others = ["SOUK_SERVES_OTHERS"] if self.serves_others else list(signs_of_others(self))
            if others:
                raise ValueError(f"{name} is refused because {', '.join(others)} says that others are served")
        secret = self.simulation.secret.get_secret_value()
        if not self.simulation.enabled:
            if secret:
                raise ValueError("a simulation secret without SOUK_SIMULATION__ENABLED: refusing to guess")
            return self
        if len(secret) < _LEAST_SECRET_CHARACTERS:
            raise ValueError("the simulation needs SOUK_SIMULATION__SECRET, a text of at least 16 characters")
        return self

    @property
    def is_alone(self) -> bool:
        """Whether nobody but whoever runs this Souk, on this machine, can reach it. False when that is not known."""
        said = self.serves_others is False or self.simulation.enabled or self.webhooks.allow_loopback
        return said and not self.serves_others and not any(signs_of_others(self))

    @property
    def own_url(self) -> str:
        """Where others reach the API, without a slash at its end."""
        host = "127.0.0.1" if self.api_host in _EVERYWHERE else self.api_host
        here = f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"
        return (self.public_url or here).rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether others reach the API by https, though a proxy may speak http to it."""
        return self.own_url.startswith("https://")

    @property
    def payment_handler_ids(self) -> tuple[str, ...]:
        """The ways to pay a checkout session. A real processor's id is added here and in ``worker/checkout.py``."""
        found = (MARKET_HANDLER,) if self.market_settlement else ()
        return (*found, MOCK_HANDLER) if self.simulation.enabled else found

    @property
    def deliveries(self) -> WebhookPolicy:
        """How webhooks are delivered: to this machine too when nobody else is served, unless that is set otherwise."""
        as_set = "allow_loopback" in self.webhooks.model_fields_set and not self.simulation.enabled
        wanted = self.webhooks.allow_loopback if as_set else True
        return self.webhooks.model_copy(update={"allow_loopback": wanted and self.is_alone})

    def role_url(self, role: Literal["owner", "api", "worker"]) -> str:
        """The connection URL of one of the three roles, for psycopg under SQLAlchemy.

        Raises ValueError when no database is configured.
        """
        explicit = {
            "owner": self.database_url,
            "api": self.api_database_url,
            "worker": self.worker_database_url,
        }
        url = explicit[role]
        if not url:
            if not self.database_url:
                raise ValueError("no database is configured: set SOUK_DATABASE_URL")
            user = {"api": API_ROLE, "worker": WORKER_ROLE}[role]
            url = _url(self.database_url).set(username=user).render_as_string(hide_password=False)
        return _url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def pooled_url(self, role: Literal["api", "worker"]) -> str:
        """What a role's transactions go over: the pooler where there is one, else as ``role_url``."""
        if not self.pooler_url:
            return self.role_url(role)
        direct = _url(self.role_url(role))
        pooler = _url(self.pooler_url).set(drivername=direct.drivername, username=direct.username)
        if direct.password is not None:
            pooler = pooler.set(password=direct.password)
        return pooler.render_as_string(hide_password=False)

    def direct_url(self, role: Literal["api", "worker"]) -> str:
        """Where a role finds Postgres itself behind the pooler; empty when there is no pooler."""
        return self.role_url(role) if self.pooler_url else ""


def settings_class(contexts: Contexts) -> type[Settings]:
    """Settings that hold the policies of these contexts as well, each under its context's name."""
    more: dict[str, Any] = {
        spec.name: (spec.policy, Field(default_factory=spec.policy))
        for spec in contexts.all
        if spec.policy is not None and spec.name not in Settings.model_fields
    }
    return create_model("Settings", __base__=Settings, **more) if more else Settings


def policies(settings: Settings, contexts: Contexts) -> dict[str, BaseModel]:
    """The contexts' policies by the contexts' names. Raises AttributeError where the settings hold none of a name."""
    return {spec.name: getattr(settings, spec.name) for spec in contexts.all if spec.policy is not None}


def read_settings() -> Settings:
    """What the environment sets, for Souk's own contexts."""
    return settings_class(CONTEXTS)()
