#!/usr/bin/python3
"""Publishes one claim and waits for its outcome: a scheduler in one file, with pika and nothing else.

    FERRYMAN_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5672/%2F \
        ./scheduler.py CONSUMER SOURCE DESTINATION [VCPU=2 MEMORY_MB=2048 ...]

Prints the outcome code. Exit 0: it is done. 1: nothing happened. 69: not known, since the broker failed, nobody
answered in time, or the outcome itself says so; the same --id asks again.
"""
import argparse
import json
import os
import sys
import time
import uuid

import pika

URL = os.environ.get("FERRYMAN_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
PREFIX = os.environ.get("FERRYMAN_RABBITMQ_PREFIX", "ferryman")
# The last word of an event's routing key: with an origin of its own a scheduler hears its own events only.
ORIGIN = "scheduler-py"


def arguments():
    parser = argparse.ArgumentParser(description="Publish one claim and wait for its outcome.")
    parser.add_argument("consumer")
    parser.add_argument("source")
    parser.add_argument("destination")
    parser.add_argument("resources", nargs="*", metavar="CLASS=AMOUNT", help="what must be held at the source, exactly")
    parser.add_argument("--id", default=str(uuid.uuid4()), help="the idempotency key: one id, one effect, one outcome")
    parser.add_argument("--timeout", type=float, default=30, metavar="SECONDS")
    return parser.parse_args()


def request_of(given):
    request = {
        "version": 1,
        "id": given.id,
        "operation": "claim",
        "consumer": given.consumer,
        "source": given.source,
        "destination": given.destination,
        "origin": ORIGIN,
    }
    if given.resources:
        pairs = (word.split("=", 1) for word in given.resources)
        request["resources"] = {name: int(amount) for name, amount in pairs}
    return request


def publish(channel, request):
    """Returns once the broker has stored the request; raises where it could not."""
    channel.basic_publish(
        exchange=f"{PREFIX}.requests",
        routing_key=f"transfer.{request['operation']}",
        body=json.dumps(request).encode(),
        properties=pika.BasicProperties(
            message_id=request["id"],
            content_type="application/json",
            delivery_mode=2,  # survives a restart of the broker
        ),
        mandatory=True,
    )


def outcome_of(channel, queue, request_id, timeout):
    """The outcome of one request, or None when no event of it came in time."""
    until = time.monotonic() + timeout
    # Looks up often: others that share the origin must not keep it waiting beyond its time.
    for _, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=min(0.2, timeout)):
        if properties is not None and properties.correlation_id == request_id:
            return json.loads(body)["outcome"]
        if time.monotonic() >= until:
            return None


def main():
    given = arguments()
    request = request_of(given)
    with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        # The queue stands before the request is sent, or a fast worker's event would be missed. It ends with the
        # connection, which is enough here: who asks again with the same id is told the same outcome again.
        queue = channel.queue_declare(f"scheduler.{uuid.uuid4()}", exclusive=True).method.queue
        channel.queue_bind(queue, f"{PREFIX}.events", f"transfer.*.*.*.{ORIGIN}")
        publish(channel, request)
        outcome = outcome_of(channel, queue, request["id"], given.timeout)
    if outcome is None:
        print(f"no outcome of {request['id']} within {given.timeout:g} s", file=sys.stderr)
        return 69
    print(outcome["code"])
    print(outcome["message"], file=sys.stderr)
    if outcome["class"] == "done":
        return 0
    return 1 if outcome["effect"] == "did_not_happen" else 69


if __name__ == "__main__":
    try:
        sys.exit(main())
    except pika.exceptions.AMQPError as failure:
        print(f"the broker failed: {failure!r}", file=sys.stderr)
        sys.exit(69)
