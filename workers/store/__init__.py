"""The jobs table and everything that reads or writes it. No table is written anywhere else."""

from workers.absent import absent

# Who wants PostgreSQL imports peewee before this package: then its driver is found.
with absent("psycopg", "psycopg2", "pymysql", "MySQLdb"):
    import peewee

__all__ = ["peewee"]
