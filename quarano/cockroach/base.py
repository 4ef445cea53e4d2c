"""The one database ENGINE: django-tenants over CockroachDB or PostgreSQL.

`ORIGINAL_BACKEND` in the settings says which of the two is below.
"""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantWrapper
from django_tenants.postgresql_backend.base import original_backend
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus

from quarano.cockroach import roles

if getattr(settings, "TENANT_CREATION_FAKES_MIGRATIONS", False):
    raise ImproperlyConfigured(
        "TENANT_CREATION_FAKES_MIGRATIONS needs clone_schema, which CockroachDB cannot "
        "run; quarano.cockroach.schemas.clone_tables makes an authority's tables."
    )

ON_COCKROACH: bool = original_backend.DatabaseWrapper.vendor == "cockroachdb"


class DatabaseWrapper(TenantWrapper):
    """One schema at a time, SERIALIZABLE, in the role that the process may have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.role_in_force: str | None = None  # None: not known
        self.role_taken_in_transaction = False
        super().__init__(*args, **kwargs)
        if ON_COCKROACH:
            from quarano.cockroach.dialect import Introspection, SchemaEditor

            # django-tenants puts its own over PostgreSQL's.
            self.introspection = Introspection(self)
            self.SchemaEditorClass = SchemaEditor

    def set_tenant(self, tenant: Any, include_public: bool = False) -> None:
        # With public in the path a table missing in the schema is silently read and
        # written in public.
        super().set_tenant(tenant, include_public=False)

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        wanted = ["-c default_transaction_isolation=serializable"]
        if not ON_COCKROACH:
            wanted.append("-c jit=off")
        given = parameters.get("options", "")
        parameters["options"] = " ".join([*wanted, given]).strip()
        parameters.setdefault("application_name", "quarano")
        parameters.setdefault("connect_timeout", 10)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        options = self.settings_dict["OPTIONS"]
        options.setdefault("isolation_level", IsolationLevel.SERIALIZABLE)
        self.role_in_force = None
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        super().init_connection_state()
        self.take_role()  # outside any transaction, so that no rollback undoes it

    def close(self) -> None:
        self.role_in_force = None
        super().close()

    def rollback(self) -> None:
        super().rollback()
        self._doubt_role()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self._doubt_role()

    def _doubt_role(self) -> None:
        # PostgreSQL takes back what was SET in a transaction, CockroachDB does not;
        # either way it is said again.
        if self.role_taken_in_transaction:
            self.role_in_force = None

    def _cursor(self, name: str | None = None) -> Any:
        # Before the role is taken on a connection whose node has died meanwhile.
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.take_role()
        return super()._cursor(name=name)

    def take_role(self) -> None:
        """Take on the role that this thread wants, where a connection is open."""
        wanted = roles.wanted()
        if self.role_in_force == wanted or self.connection is None:
            return
        status = self.connection.info.transaction_status
        if status == TransactionStatus.INERROR:
            return  # nothing but ROLLBACK runs now
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(roles.statement(wanted))
        self.role_in_force = wanted
        self.role_taken_in_transaction = (
            not self.connection.autocommit or status != TransactionStatus.IDLE
        )
