"""The first schema. Until 0.1.0 it is whatever tables.py says; from then on it stands written out here."""

from alembic import op
from sqlalchemy import insert

from vedette.store.tables import metadata, teams

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.execute(insert(teams).values(name="first"))  # it becomes number 1: people.FIRST_TEAM
