"""The same moves by Nova's own functions, in one process, for bench/placement.ts.

Reads one JSON document in a line: {"url", "token", "concurrency", "moves": [{"instance", "migration", "source",
"destination"}]}. Prints "ready", waits for a line, and prints {"requests", "moved", "errors": {"what failed": how often}}.

It does what a forced live migration does to Placement, in the order of nova.conductor.tasks.live_migrate: read what the
server holds, move that to the migration (move_allocations), claim the destination (claim_resources_on_destination).
Database, messages and the checks of a compute host are left out. Greenthreads are those of nova-conductor.
"""
import nova.monkey_patch  # noqa: F401  first of all, as in nova.cmd

import collections
import json
import sys
import tempfile
import types

import eventlet
from oslo_log import log as logging
from nova import conf
from nova import config
from nova import context as nova_context
from nova.scheduler.client import report
from nova.scheduler import utils as scheduler_utils

PROJECT = "p"
USER = "u"


def configure(url, token):
    """Nova's own settings: the section [placement] with a token instead of Keystone, and no log."""
    settings = (
        "[placement]\nauth_type = admin_token\nendpoint = %s\nendpoint_override = %s\ntoken = %s\n"
        "[DEFAULT]\nlog_file = /dev/null\n" % (url, url, token)
    )
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(settings)
        file.flush()
        config.parse_args(["bench", "--config-file", file.name], configure_db=False, init_rpc=False)
    logging.setup(conf.CONF, "nova")


def counting(client):
    """Counts what the client asks, by wrapping the session through which every request goes."""
    counted = collections.Counter()
    request = client._client.session.request

    def count(*args, **kwargs):
        counted["requests"] += 1
        return request(*args, **kwargs)

    client._client.session.request = count
    return counted


def move(context, client, one):
    instance = types.SimpleNamespace(uuid=one["instance"], project_id=PROJECT, user_id=USER)
    source = types.SimpleNamespace(uuid=one["source"], host="source")
    destination = types.SimpleNamespace(uuid=one["destination"], host="destination")
    held = client.get_allocs_for_consumer(context, instance.uuid)["allocations"]
    if not held.get(source.uuid):
        return "nothing held at the source"
    if not client.move_allocations(context, instance.uuid, one["migration"]):
        return "move_allocations returned a false value"
    scheduler_utils.claim_resources_on_destination(
        context, client, instance, source, destination, source_allocations=held, consumer_generation=None)
    return None


def main():
    task = json.loads(sys.stdin.readline())
    configure(task["url"], task["token"])
    client = report.SchedulerReportClient()
    context = nova_context.RequestContext(user_id=USER, project_id=PROJECT)
    client.get_allocs_for_consumer(context, task["moves"][0]["instance"])  # connects before the clock runs
    counted = counting(client)
    errors = collections.Counter()

    def guarded(one):
        try:
            failure = move(context, client, one)
        except Exception as error:
            failure = type(error).__name__
        if failure is not None:
            errors[failure] += 1

    print("ready", flush=True)
    sys.stdin.readline()
    pool = eventlet.GreenPool(task["concurrency"])
    for one in task["moves"]:
        pool.spawn_n(guarded, one)
    pool.waitall()
    moved = len(task["moves"]) - sum(errors.values())
    print(json.dumps({"requests": counted["requests"], "moved": moved, "errors": dict(errors)}), flush=True)


if __name__ == "__main__":
    main()
