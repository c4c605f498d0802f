#!/usr/bin/python3
"""Publishes one claim and waits for its outcome: a scheduler in one file, with kombu, as services on Celery or oslo have.

    FERRYMAN_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5672/%2F \
        ./scheduler_kombu.py CONSUMER SOURCE DESTINATION [VCPU=2 MEMORY_MB=2048 ...]

Prints the outcome code. Exit 0: it is done. 1: nothing happened. 69: not known, since the broker failed, nobody
answered in time, or the outcome itself says so; the same --id asks again.
"""
import argparse
import os
import socket
import sys
import time
import uuid

from kombu import Connection, Consumer, Exchange, Queue
from kombu.exceptions import OperationalError

URL = os.environ.get("FERRYMAN_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
PREFIX = os.environ.get("FERRYMAN_RABBITMQ_PREFIX", "ferryman")
# The last word of an event's routing key: with an origin of its own a scheduler hears its own events only.
ORIGIN = "scheduler-kombu"

# n.b. no_declare: these two belong to Ferryman. kombu would declare them, which takes the right to configure them.
REQUESTS = Exchange(f"{PREFIX}.requests", type="topic", no_declare=True)
EVENTS = Exchange(f"{PREFIX}.events", type="topic", no_declare=True)


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


def publish(connection, request):
    """Returns once the broker has stored the request; raises where it could not."""
    connection.Producer().publish(
        request,
        exchange=REQUESTS,
        routing_key=f"transfer.{request['operation']}",
        serializer="json",  # kombu then sets content_type application/json and content_encoding utf-8
        delivery_mode="persistent",
        message_id=request["id"],
    )


def outcome_of(connection, answers, timeout):
    """The first outcome that `answers` gets, or None when none came in time."""
    until = time.monotonic() + timeout
    while not answers:
        try:
            connection.drain_events(timeout=max(0.01, until - time.monotonic()))
        except socket.timeout:
            return None
    return answers[0]


def main():
    given = arguments()
    request = request_of(given)
    answers = []

    def hear(event, message):
        message.ack()
        if message.properties.get("correlation_id") == request["id"]:
            answers.append(event["outcome"])

    # The queue stands before the request is sent, or a fast worker's event would be missed. It ends with the
    # connection, which is enough here: who asks again with the same id is told the same outcome again.
    queue = Queue(
        f"scheduler.{uuid.uuid4()}", exchange=EVENTS, routing_key=f"transfer.*.*.*.{ORIGIN}", exclusive=True
    )
    with Connection(URL, transport_options={"confirm_publish": True}) as connection:
        with Consumer(connection, [queue], callbacks=[hear], accept=["json"]):
            publish(connection, request)
            outcome = outcome_of(connection, answers, given.timeout)
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
    except (OperationalError, OSError) as failure:
        print(f"the broker failed: {failure!r}", file=sys.stderr)
        sys.exit(69)
