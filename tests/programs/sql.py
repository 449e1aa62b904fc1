"""Runs SQL: sql.py duckdb|clickhouse, with the statements as a JSON array on standard input.

Prints a JSON array with the rows of each, as objects.
"""

import json
import sys


def duckdb(statements):
    import duckdb

    connection = duckdb.connect()
    for statement in statements:
        result = connection.execute(statement)
        names = [column[0] for column in result.description or []]
        yield [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def clickhouse(statements):
    from chdb import session

    engine = session.Session()
    for statement in statements:
        text = str(engine.query(statement, "JSONEachRow"))
        yield [json.loads(line) for line in text.splitlines() if line]


engines = {"duckdb": duckdb, "clickhouse": clickhouse}
json.dump(list(engines[sys.argv[1]](json.load(sys.stdin))), sys.stdout)
