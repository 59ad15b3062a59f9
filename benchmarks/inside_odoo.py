# ruff: noqa: ANN201, B905, F821, PTH123 - an Odoo shell has ``env``; QUESTION, ANSWER and LOGIN are set by a line before these
"""Fed to ``odoo-bin shell`` by benchmarks.other_ways: create the values of QUESTION as the user LOGIN, write what it took to ANSWER.

With a module in a part's context (``_import_current_module``) its records get external ids, as our calls give them.
"""

import json
import time

with open(QUESTION, encoding="utf-8") as question:
    given = json.load(question)
env = env(user=env["res.users"].search([("login", "=", LOGIN)]).id, su=False)
env.cr.execute("SELECT pg_backend_pid()")
backend = env.cr.fetchone()[0]


def backend_cpu():
    """Seconds of CPU of the connection's PostgreSQL backend."""
    with open(f"/proc/{backend}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


# one record of each, so that no registry or cache is filled while it counts
for part in given:
    values = dict(part["values"][0])
    if part["parent"]:
        values[part["parent"]] = False
    env[part["model"]].with_context(**part["context"]).create([values])
    env.cr.rollback()
ids = {}
records = 0
started, cpu, postgres = time.perf_counter(), time.process_time(), backend_cpu()
for part in given:
    for values, parent in zip(part["values"], part["parents"]):
        if parent:
            values[part["parent"]] = ids[parent]
    for start in range(0, len(part["values"]), part["batch"]):
        made = env[part["model"]].with_context(**part["context"]).create(part["values"][start : start + part["batch"]])
        ids.update(zip(part["names"][start : start + part["batch"]], made.ids))
        records += len(made)
        env.cr.commit()
        env.invalidate_all()
found = {
    "records": records, "wall": time.perf_counter() - started, "odoo": time.process_time() - cpu, "postgres": backend_cpu() - postgres,
}
with open(ANSWER, "w", encoding="utf-8") as answer:
    json.dump(found, answer)
