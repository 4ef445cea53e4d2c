"""Both admin sites; no person is ever registered in the operator's."""

from quarano.admin import authority, operator
from quarano.admin.sites import authority_admin, operator_admin

__all__ = ["authority", "authority_admin", "operator", "operator_admin"]
